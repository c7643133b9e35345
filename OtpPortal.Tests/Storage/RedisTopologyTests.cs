using System.Net;
using OtpPortal.Storage;

namespace OtpPortal.Tests.Storage;

/// <summary>Tests how the responses of a cluster's nodes are read.</summary>
public sealed class RedisTopologyTests
{
    private static readonly IPEndPoint s_asked = new(IPAddress.Loopback, 7000);

    private static RedisTopology Read(string state, params string[] nodes) => RedisTopology.OfCluster(
        new RespReply(false, [$"cluster_enabled:1\r\ncluster_state:{state}\r\ncluster_slots_ok:16384\r\n"]),
        new RespReply(false, [string.Join('\n', nodes) + "\n"]), s_asked);

    [Fact]
    public void Primaries_have_slots_and_an_address()
    {
        var topology = Read(
            "ok",
            "a 10.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-5460 [77->-b]",
            "b 10.0.0.2:7000@17000,b.example master - 0 0 2 connected 5461-16382 16383",
            "c 10.0.0.3:7000@17000 slave a 0 0 1 connected",
            "d 10.0.0.4:7000@17000 master - 0 0 3 connected",
            "e :0@0 master,fail,noaddr - 0 0 4 disconnected 1");

        topology.Primaries.Select(server => server.ToString()).ShouldBe(["10.0.0.1:7000", "10.0.0.2:7000"], ignoreOrder: true);
        topology.Nodes.Count.ShouldBe(4);
        topology.IsComplete.ShouldBeTrue();
    }

    [Fact]
    public void A_node_that_does_not_know_its_address_has_the_one_at_which_it_was_asked() =>
        Read("ok", "a :7000@17000 myself,master - 0 0 1 connected 0-16383").Primaries.ShouldBe([s_asked]);

    [Fact]
    public void IPv6_addresses_have_no_brackets() =>
        Read("ok", "a 2001:db8::1:7000@17000 myself,master - 0 0 1 connected 0-16383").Primaries
            .ShouldBe([new IPEndPoint(IPAddress.Parse("2001:db8::1"), 7000)]);

    [Fact]
    public void A_cluster_that_is_down_is_not_complete() =>
        Read("fail", "a 10.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-16383").Problem.ShouldNotBeNull().ShouldContain("\"fail\"");

    [Fact]
    public void Moved_slots_change_no_server()
    {
        var before = Read("ok", "a 10.0.0.1:7000@1 master - 0 0 1 connected 0-99", "b 10.0.0.2:7000@1 master - 0 0 2 connected 100-16383");
        var after = Read("ok", "a 10.0.0.1:7000@1 master - 0 0 1 connected 0-98", "b 10.0.0.2:7000@1 master - 0 0 2 connected 99-16383");

        after.HasSameServersAs(before).ShouldBeTrue();
        after.Slots.ShouldNotBe(before.Slots);
    }
}
