using OtpPortal.Storage;

namespace OtpPortal.Tests.Storage;

/// <summary>Tests which errors of Redis mean that the store is unavailable.</summary>
public sealed class StoreFailureTests
{
    [Theory]
    [InlineData("CLUSTERDOWN The cluster is down")]
    [InlineData("TRYAGAIN Multiple keys request during rehashing of slot")]
    [InlineData("MOVED 3999 127.0.0.1:6381")]
    [InlineData("ASK 3999 127.0.0.1:6381")]
    [InlineData("Endpoint 127.0.0.1:6381 serving hashslot 3999 is not reachable at this point of time.")]
    [InlineData("EXECABORT Transaction discarded because of previous errors.")]
    [InlineData("NOREPLICAS Not enough good replicas to write.")]
    [InlineData("READONLY You can't write against a read only replica.")]
    [InlineData("LOADING Redis is loading the dataset in memory")]
    public void Errors_of_the_servers_are_failures_of_the_store(string message) =>
        StoreFailure.IsUnavailable(message).ShouldBeTrue();

    [Theory]
    [InlineData("ERR unknown command 'GETX'")]
    [InlineData("WRONGTYPE Operation against a key holding the wrong kind of value")]
    [InlineData("CROSSSLOT Keys in request don't hash to the same slot")]
    public void Bugs_are_not(string message) => StoreFailure.IsUnavailable(message).ShouldBeFalse();
}
