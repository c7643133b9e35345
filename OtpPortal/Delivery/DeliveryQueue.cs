using System.Diagnostics;
using OtpPortal.Storage;

namespace OtpPortal.Delivery;

/// <summary>The outcome of a queued message, for logs, statistics and administrators. Users never see it.</summary>
public enum DeliveryState
{
    /// <summary>A provider took it.</summary>
    Sent,

    /// <summary>It was given up.</summary>
    Failed,

    /// <summary>A limit for SMS held it back.</summary>
    HeldBack,
}

/// <summary>A message for the queue.</summary>
/// <param name="Deadline">When its code expires: it is not sent after that.</param>
/// <param name="Report">Called once.</param>
public sealed record OutgoingMessage(Message Message, DateTimeOffset Deadline, Action<DeliveryState> Report)
{
    /// <summary>Gets the provider to ask first; null means the transport of the portal's mail.</summary>
    public Provider? By { get; init; }
}

/// <summary>
/// Sends messages in the background, so that no page waits for a provider, and tries again until the message's deadline. Each try may
/// ask all providers of the channel. On shutdown, messages in the queue are still sent.
/// </summary>
/// <remarks>The <see cref="Dispatcher"/> limits how many messages a provider gets at once, and how many of them go to one domain.</remarks>
public sealed partial class DeliveryQueue(Dispatcher dispatcher, Providers providers, TimeProvider time, ILogger<DeliveryQueue> logger)
    : BackgroundQueue<OutgoingMessage>(Capacity, CapacityOfGroup)
{
    /// <summary>The maximum number of messages in the queue. Others are not sent.</summary>
    internal const int Capacity = 4000;

    /// <summary>The maximum number of messages to one group of recipients.</summary>
    internal const int CapacityOfGroup = 1000;

    private static readonly TimeSpan s_firstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(20);

    /// <summary>Takes a message. Returns false when the queue is full or closing; then nothing is reported.</summary>
    public bool TryEnqueue(OutgoingMessage message)
    {
        if (TryAdd(message) is not { } reason) return true;
        var provider = (message.By ?? providers.Mail).Name;
        NotTaken(provider, reason);
        dispatcher.NoteGivenUp(provider, "not_queued");
        return false;
    }

    protected override string GroupOf(OutgoingMessage job) => Recipients.GroupOf(job.Message.To);

    protected override async Task RunAsync(OutgoingMessage job, CancellationToken closing) =>
        job.Report(await DeliverAsync(job.By ?? providers.Mail, job.Message, job.Deadline, closing));

    protected override void OnFailed(Exception exception) => NotReported(exception.GetType().Name);

    protected override void OnLost(int count) => Lost(count);

    private async Task<DeliveryState> DeliverAsync(Provider provider, Message message, DateTimeOffset deadline, CancellationToken closing)
    {
        var pause = s_firstPause;
        var isCounted = false;
        for (var attempt = 1; ; attempt++)
        {
            if (time.GetUtcNow() >= deadline) return TooLate(provider.Name, attempt - 1);
            // Jitter spreads messages that failed together.
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
            // The limits for SMS count a message once, however often it is tried.
            isCounted = true;
            // On shutdown the next try is at once. Further ones wait as usual.
            var waiting = closing.IsCancellationRequested ? CancellationToken.None : closing;
            await Task.Delay(wait, time, waiting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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
            return new DispatchOutcome.Failed(provider.Name, new SendOutcome.Temporary("the store that counts SMS is unavailable"));
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

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Could not send a message with {Provider} (attempt {Attempt}), retrying in {Pause} s: {Reason}")]
    private partial void Retrying(string provider, int attempt, double pause, string reason);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "Could not send a message with {Provider} after {Attempt} attempts, and its code expires before the next one: {Reason}")]
    private partial void GivenUp(string provider, int attempt, string reason);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "Did not send a message with {Provider}: its code expired in the queue (attempts: {Attempts})")]
    private partial void WaitedTooLong(string provider, int attempts);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Provider} rejected a message: {Reason}")]
    private partial void Refused(string provider, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Provider} is misconfigured: {Reason}")]
    private partial void Misconfigured(string provider, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Could not send a message with {Provider}: {Reason}")]
    private partial void NotTaken(string provider, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Stopping with {Count} unsent messages")]
    private partial void Lost(int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Could not store the state of a delivery: {Error}")]
    private partial void NotReported(string error);
}
