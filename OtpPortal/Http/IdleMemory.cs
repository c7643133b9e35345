namespace OtpPortal.Http;

/// <summary>
/// Returns unused memory to the system when the portal becomes idle. The garbage collector does so only while a program allocates,
/// so the memory of a peak would stay until the next one.
/// </summary>
internal sealed class IdleMemory : BackgroundService
{
    /// <summary>How often the use of the processor is measured.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    // The collection stops all threads for some 20 ms, which nobody notices then.
    private static readonly TimeSpan s_maxCpu = Interval / 20;
    private const long MinAllocated = 8 * 1024 * 1024;

    /// <summary>Returns whether the portal is idle, and has used memory since the last collection.</summary>
    /// <param name="cpu">Time that all threads have used since the last measurement.</param>
    internal static bool IsDue(TimeSpan cpu, long allocated) => cpu <= s_maxCpu && allocated >= MinAllocated;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval);
        var (cpu, allocated) = (TimeSpan.Zero, 0L);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            var before = cpu;
            cpu = Environment.CpuUsage.TotalTime;
            if (!IsDue(cpu - before, GC.GetTotalAllocatedBytes() - allocated)) continue;
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            allocated = GC.GetTotalAllocatedBytes();
        }
    }
}
