using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.OneTimeCodes;

/// <summary>Runs a callback on the next clock read, which is between the read and the write of a store operation.</summary>
internal sealed class InterleavingClock(FakeClock clock) : TimeProvider
{
    private Action? _next;

    public void Interrupt(Func<Task> next) => _next = () => Task.Run(next).GetAwaiter().GetResult();

    public void Clear() => _next = null;

    public override DateTimeOffset GetUtcNow()
    {
        Interlocked.Exchange(ref _next, null)?.Invoke();
        return clock.GetUtcNow();
    }
}
