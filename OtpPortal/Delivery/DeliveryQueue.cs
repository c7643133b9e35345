using System.Diagnostics;
using OtpPortal.Storage;

namespace OtpPortal.Delivery;

/// <summary>How a queued message ended. For logs, statistics and administrators; visitors are never shown it.</summary>
public enum DeliveryState
{
    /// <summary>The provider took it.</summary>
    Sent,

    /// <summary>It was given up.</summary>
    Failed,

    /// <summary>A limit of SMS held it back.</summary>
    HeldBack,
}

/// <summary>One message on its way.</summary>
/// <param name="Deadline">When the code in it is worthless: it is not sent after that.</param>
/// <param name="Report">Called once.</param>
public sealed record OutgoingMessage(Message Message, DateTimeOffset Deadline, Action<DeliveryState> Report)
{
    /// <summary>Whom to ask first; null means the transport of the portal's mail.</summary>
    public Provider? By { get; init; }
}

/// <summary>
/// Sends messages in the background, so that no page waits for a provider: bounded, with retries and back-off until the message's deadline.
/// Each try goes along the provider's chain. On shutdown what is queued is still sent.
/// </summary>
/// <remarks>
/// A message that waits, for a connection or for its next try, holds no worker and no connection, so it delays nobody. The
/// <see cref="Dispatcher"/> decides how much a provider is asked at once, and what share of that one domain gets.
/// </remarks>
public sealed partial class DeliveryQueue(Dispatcher dispatcher, Providers providers, TimeProvider time, ILogger<DeliveryQueue> logger)
    : IHostedService, IDisposable
{
    /// <summary>Messages that may be on their way; further ones are not sent.</summary>
    internal const int Capacity = 4000;

    /// <summary>Messages that may be on their way to one group of recipients, so that none fills the queue for the others.</summary>
    internal const int CapacityOfGroup = 1000;

    private static readonly TimeSpan s_firstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(20);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _countOfGroup = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _closing = new();
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _count;
    private bool _isClosed;

    /// <summary>Takes a message; false when the queue is full or closing, and then nothing is reported.</summary>
    public bool TryEnqueue(OutgoingMessage message)
    {
        var group = Recipients.GroupOf(message.Message.To);
        if (!TryAdd(group))
        {
            var provider = (message.By ?? providers.Mail).Name;
            NotTaken(provider, _isClosed ? "the portal is stopping" : "the queue is full");
            dispatcher.NoteGivenUp(provider, "not_queued");
            return false;
        }
        // Without the request's context: the request may have ended long before.
        ThreadPool.UnsafeQueueUserWorkItem(_ => _ = RunAsync(message, group), null);
        return true;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Stops taking messages and sends those that wait, as long as the host's shutdown timeout allows.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            _isClosed = true;
            if (_count == 0) _empty.TrySetResult();
        }
        // Who waits for the next try tries now.
        await _closing.CancelAsync();
        await Task.WhenAny(_empty.Task, Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken));
        if (!_empty.Task.IsCompleted) Lost(_count);
    }

    public void Dispose() => _closing.Dispose();

    private bool TryAdd(string group)
    {
        lock (_lock)
        {
            var count = _countOfGroup.GetValueOrDefault(group);
            if (_isClosed || _count >= Capacity || count >= CapacityOfGroup) return false;
            _count++;
            _countOfGroup[group] = count + 1;
            return true;
        }
    }

    private async Task RunAsync(OutgoingMessage message, string group)
    {
        try
        {
            message.Report(await DeliverAsync(message.By ?? providers.Mail, message.Message, message.Deadline));
        }
        catch (Exception e)
        {
            NotReported(e.GetType().Name);
        }
        lock (_lock)
        {
            if (--_countOfGroup[group] == 0) _countOfGroup.Remove(group);
            if (--_count == 0 && _isClosed) _empty.TrySetResult();
        }
    }

    private async Task<DeliveryState> DeliverAsync(Provider provider, Message message, DateTimeOffset deadline)
    {
        var pause = s_firstPause;
        var isCounted = false;
        for (var attempt = 1; ; attempt++)
        {
            if (time.GetUtcNow() >= deadline) return TooLate(provider.Name, attempt - 1);
            // Jitter, so that messages that failed together do not come back together.
            var wait = Jitter(pause);
            switch (await AttemptAsync(provider, message, deadline, countIt: !isCounted))
            {
                case DispatchOutcome.Sent:
                    return DeliveryState.Sent;
                case DispatchOutcome.Limited:
                    dispatcher.NoteGivenUp(provider.Name, "limited");
                    return DeliveryState.HeldBack;
                case DispatchOutcome.Failed(var last, SendOutcome.Refused(var reason)):
                    Refused(last, reason);
                    return Fail(last, "refused");
                case DispatchOutcome.Failed(var last, SendOutcome.Misconfigured(var reason)):
                    Misconfigured(last, reason);
                    return Fail(last, "misconfigured");
                case DispatchOutcome.Failed(var last, SendOutcome.Temporary(var reason)):
                    if (time.GetUtcNow() >= deadline) return TooLate(last, attempt - 1);
                    if (time.GetUtcNow() + wait >= deadline)
                    {
                        GivenUp(last, attempt, reason);
                        return Fail(last, "given_up");
                    }
                    Retrying(last, attempt, Math.Round(wait.TotalSeconds, 1), reason);
                    break;
                default:
                    throw new UnreachableException();
            }
            // Counted against the limits of SMS once, however often it is tried.
            isCounted = true;
            var closing = _closing.IsCancellationRequested ? CancellationToken.None : _closing.Token;
            await Task.Delay(wait, time, closing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
        }
    }

    private async Task<DispatchOutcome> AttemptAsync(Provider provider, Message message, DateTimeOffset deadline, bool countIt)
    {
        try
        {
            return (countIt ? await dispatcher.HoldBackAsync(provider, message) : null)
                ?? await dispatcher.PassOnAsync(provider, message, deadline, CancellationToken.None);
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            return new DispatchOutcome.Failed(provider.Name, new SendOutcome.Temporary("the store that counts SMS does not answer"));
        }
    }

    private DeliveryState TooLate(string provider, int attempts)
    {
        WaitedTooLong(provider, attempts);
        return Fail(provider, "too_late");
    }

    private DeliveryState Fail(string provider, string kind)
    {
        dispatcher.NoteGivenUp(provider, kind);
        return DeliveryState.Failed;
    }

    private static TimeSpan Jitter(TimeSpan span) => span * (0.75 + (Random.Shared.NextDouble() / 2));

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Provider} did not take a message (attempt {Attempt}), next try in {Pause} s: {Reason}")]
    private partial void Retrying(string provider, int attempt, double pause, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Provider} did not take a message after {Attempt} attempts, its code would come too late: {Reason}")]
    private partial void GivenUp(string provider, int attempt, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "A message for {Provider} waited until its code was worthless, and was not sent (attempts before: {Attempts})")]
    private partial void WaitedTooLong(string provider, int attempts);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Provider} refuses a message for good: {Reason}")]
    private partial void Refused(string provider, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Provider} cannot be used as it is set up: {Reason}")]
    private partial void Misconfigured(string provider, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "A message for {Provider} was not sent: {Reason}")]
    private partial void NotTaken(string provider, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "The portal stops with {Count} messages that were not sent")]
    private partial void Lost(int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The state of a delivery could not be noted: {Error}")]
    private partial void NotReported(string error);
}
