using System.Diagnostics;
using OtpPortal.Storage;

namespace OtpPortal.Delivery;

/// <summary>The outcome of a queued message, for logs, statistics and administrators. It is never shown to users.</summary>
public enum DeliveryState
{
    /// <summary>A provider accepted the message.</summary>
    Sent,

    /// <summary>All attempts failed.</summary>
    Failed,

    /// <summary>An SMS limit held the message back.</summary>
    Limited,
}

/// <summary>A message in the queue.</summary>
/// <param name="Deadline">When its code expires. The message is not sent after that.</param>
/// <param name="Report">Called once.</param>
public sealed record OutgoingMessage(Message Message, DateTimeOffset Deadline, Action<DeliveryState> Report)
{
    /// <summary>Gets the preferred provider; null uses the portal's mail transport.</summary>
    public Provider? By { get; init; }
}

/// <summary>
/// Sends messages in the background, so that no page waits for a provider, and retries until the message's deadline. Each
/// attempt may use all providers of the channel. On shutdown, queued messages are still sent.
/// </summary>
/// <remarks>The <see cref="Dispatcher"/> limits how many messages are sent to a provider and a domain at a time.</remarks>
public sealed partial class DeliveryQueue(Dispatcher dispatcher, Providers providers, TimeProvider time, ILogger<DeliveryQueue> logger)
    : BackgroundQueue<OutgoingMessage>("messages", Capacity, CapacityOfGroup)
{
    /// <summary>Maximum number of queued messages. Further messages are rejected.</summary>
    internal const int Capacity = 4000;

    /// <summary>Maximum number of queued messages to one group of recipients.</summary>
    internal const int CapacityOfGroup = 1000;

    private static readonly TimeSpan s_firstRetryDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_maxRetryDelay = TimeSpan.FromSeconds(20);

    /// <summary>Adds a message. Returns false if the queue is full or closing; nothing is reported then.</summary>
    public bool TryEnqueue(OutgoingMessage message)
    {
        if (TryAdd(message) is not { } reason) return true;
        var provider = (message.By ?? providers.Mail).Name;
        NotTaken(provider, reason);
        dispatcher.RecordFailure(provider, "not_queued");
        return false;
    }

    protected override string GroupOf(OutgoingMessage job) => Recipients.GroupOf(job.Message.To);

    protected override async Task RunAsync(OutgoingMessage job, CancellationToken closing) =>
        job.Report(await DeliverAsync(job.By ?? providers.Mail, job.Message, job.Deadline, closing));

    protected override void OnFailed(Exception exception) => NotReported(exception.GetType().Name);

    protected override void OnLost(int count) => Lost(count);

    private async Task<DeliveryState> DeliverAsync(Provider provider, Message message, DateTimeOffset deadline, CancellationToken closing)
    {
        var pause = s_firstRetryDelay;
        var isCounted = false;
        for (var attempt = 1; ; attempt++)
        {
            if (time.GetUtcNow() >= deadline) return TooLate(provider.Name, attempt - 1);
            // Jitter spreads the retries of messages that failed together.
            var wait = Jitter(pause);
            switch (await AttemptAsync(provider, message, deadline, countIt: !isCounted))
            {
                case DispatchOutcome.Sent:
                    return DeliveryState.Sent;
                case DispatchOutcome.Limited:
                    dispatcher.RecordFailure(provider.Name, "limited");
                    return DeliveryState.Limited;
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
            // The SMS limits count a message once, however many attempts it needs.
            isCounted = true;
            // On shutdown the next attempt starts at once. Later ones wait as usual.
            var waiting = closing.IsCancellationRequested ? CancellationToken.None : closing;
            await Task.Delay(wait, time, waiting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = pause * 2 < s_maxRetryDelay ? pause * 2 : s_maxRetryDelay;
        }
    }

    private async Task<DispatchOutcome> AttemptAsync(Provider provider, Message message, DateTimeOffset deadline, bool countIt)
    {
        try
        {
            return (countIt ? await dispatcher.CheckLimitsAsync(provider, message) : null)
                ?? await dispatcher.SendThroughChainAsync(provider, message, deadline, CancellationToken.None);
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
        dispatcher.RecordFailure(provider, kind);
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
