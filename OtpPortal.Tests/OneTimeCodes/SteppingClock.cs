using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.OneTimeCodes;

/// <summary>Does something the next time that the clock is read: after an operation has read from the store, before it writes.</summary>
internal sealed class SteppingClock(FakeClock clock) : TimeProvider
{
    private Action? _next;

    public void Interrupt(Func<Task> next) => _next = () => Task.Run(next).GetAwaiter().GetResult();

    public void Forget() => _next = null;

    public override DateTimeOffset GetUtcNow()
    {
        Interlocked.Exchange(ref _next, null)?.Invoke();
        return clock.GetUtcNow();
    }
}
