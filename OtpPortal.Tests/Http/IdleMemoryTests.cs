using OtpPortal.Http;

namespace OtpPortal.Tests.Http;

/// <summary>Tests when unused memory is returned. The benchmark measures how much.</summary>
public sealed class IdleMemoryTests
{
    private const long Megabyte = 1024 * 1024;

    [Theory]
    [InlineData(500, 8, true)]
    [InlineData(501, 8, false)]
    [InlineData(0, 7, false)]
    [InlineData(20_000, 1000, false)]
    public void Memory_is_returned_by_an_idle_portal_that_has_used_some(int cpuMilliseconds, long allocatedMegabytes, bool isDue) =>
        IdleMemory.IsDue(TimeSpan.FromMilliseconds(cpuMilliseconds), allocatedMegabytes * Megabyte).ShouldBe(isDue);
}
