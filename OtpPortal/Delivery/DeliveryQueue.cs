using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Channels;

namespace OtpPortal.Delivery;

/// <summary>How far a message has come.</summary>
public enum DeliveryState
{
    /// <summary>It waits in the queue or is being handed over.</summary>
    Queued,

    /// <summary>The provider took it.</summary>
    Sent,

    /// <summary>It was given up.</summary>
    Failed,

    /// <summary>A limit of SMS held it back. Strangers are shown the same as for <see cref="Sent"/>: else they could find out what gets through.</summary>
    HeldBack,
}

/// <summary>One message on its way.</summary>
/// <param name="Message">Null for a rehearsal: nothing is sent, but it looks from outside as if it were.</param>
/// <param name="Deadline">When the code in it is worthless: it is not sent after that.</param>
/// <param name="Report">Told once: sent or failed.</param>
public sealed record OutgoingMessage(Message? Message, DateTimeOffset Deadline, Func<DeliveryState, Task> Report)
{
    /// <summary>Whom to ask first; null means the transport of the portal's mail.</summary>
    public Provider? By { get; init; }
}

/// <summary>
/// Sends messages in the background, so that no page waits for a provider: bounded, with retries and back-off until the message's deadline.
/// Each try goes along the provider's chain. On shutdown what is queued is still sent.
/// </summary>
public sealed partial class DeliveryQueue(Dispatcher dispatcher, Providers providers, TimeProvider time, ILogger<DeliveryQueue> logger) : BackgroundService
{
    /// <summary>Messages that may wait; beyond that a sign-in is told at once that its message could not be sent.</summary>
    internal const int Capacity = 1000;

    // Providers answer in tenths of a second; eight at once are some 50 messages a second.
    private const int Workers = 8;

    private static readonly TimeSpan s_firstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(20);
    private static readonly Attempt s_first = new(TimeSpan.FromMilliseconds(50), new DispatchOutcome.Sent(""));

    private readonly Channel<OutgoingMessage> _channel = System.Threading.Channels.Channel.CreateBounded<OutgoingMessage>(new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.Wait });

    // How the last real attempt by a provider and its chain fared, for rehearsals to copy.
    private readonly ConcurrentDictionary<string, Attempt> _lastAttempts = new(StringComparer.Ordinal);

    /// <summary>Takes a message; false when the queue is full or closing, and then nothing is reported.</summary>
    public bool TryEnqueue(OutgoingMessage message) => _channel.Writer.TryWrite(message);

    /// <summary>Stops taking messages and sends those that wait, as long as the host's shutdown timeout allows.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _channel.Writer.TryComplete();
        if (ExecuteTask is { } running)
        {
            await Task.WhenAny(running, Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken));
        }
        await base.StopAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(Enumerable.Range(0, Workers).Select(_ => Task.Run(WorkAsync, CancellationToken.None)));

    private async Task WorkAsync()
    {
        await foreach (var delivery in _channel.Reader.ReadAllAsync())
        {
            try
            {
                await delivery.Report(await DeliverAsync(delivery.By ?? providers.Mail, delivery.Message, delivery.Deadline));
            }
            // The report goes to a store that may be away; the message itself is out, and the worker must live on.
            catch (Exception e)
            {
                NotReported(e.GetType().Name);
            }
        }
    }

    // A rehearsal goes the same way with copied attempts, so that it takes as long, is tried as often and ends as real messages do at the
    // moment, also while the provider is down: the page must not tell apart who is allowed to sign in and who is not.
    private async Task<DeliveryState> DeliverAsync(Provider provider, Message? message, DateTimeOffset deadline)
    {
        var pause = s_firstPause;
        var counted = false;
        for (var attempt = 1; ; attempt++)
        {
            if (time.GetUtcNow() >= deadline)
            {
                if (message is not null) TooLate(provider.Name, attempt - 1);
                return Fail(message, provider.Name, "too_late");
            }
            // Jitter, so that messages that failed together do not come back together.
            var wait = Jitter(pause);
            switch (message is null ? await RehearseAsync(provider) : await AttemptAsync(provider, message, countIt: !counted))
            {
                case DispatchOutcome.Sent:
                    return DeliveryState.Sent;
                case DispatchOutcome.Limited:
                    if (message is not null) dispatcher.NoteGivenUp(provider.Name, "limited");
                    return DeliveryState.HeldBack;
                case DispatchOutcome.Failed(var last, SendOutcome.Refused(var reason)):
                    if (message is not null) Refused(last, reason);
                    return Fail(message, last, "refused");
                case DispatchOutcome.Failed(var last, SendOutcome.Misconfigured(var reason)):
                    if (message is not null) Misconfigured(last, reason);
                    return Fail(message, last, "misconfigured");
                case DispatchOutcome.Failed(var last, SendOutcome.Temporary(var reason)):
                    if (time.GetUtcNow() + wait >= deadline)
                    {
                        if (message is not null) GivenUp(last, attempt, reason);
                        return Fail(message, last, "given_up");
                    }
                    if (message is not null) Retrying(last, attempt, Math.Round(wait.TotalSeconds, 1), reason);
                    break;
                default:
                    throw new UnreachableException();
            }
            // Counted against the limits of SMS once, however often it is tried.
            counted = true;
            await Task.Delay(wait, time);
            pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
        }
    }

    private async Task<DispatchOutcome> AttemptAsync(Provider provider, Message message, bool countIt)
    {
        var started = time.GetTimestamp();
        var outcome = (countIt ? await dispatcher.HoldBackAsync(provider, message) : null) ?? await dispatcher.PassOnAsync(provider, message, CancellationToken.None);
        _lastAttempts[provider.Name] = new Attempt(time.GetElapsedTime(started), outcome);
        return outcome;
    }

    private async Task<DispatchOutcome> RehearseAsync(Provider provider)
    {
        var last = _lastAttempts.GetValueOrDefault(provider.Name) ?? s_first;
        await Task.Delay(Jitter(last.Duration), time);
        return last.Outcome;
    }

    private DeliveryState Fail(Message? message, string provider, string kind)
    {
        if (message is not null) dispatcher.NoteGivenUp(provider, kind);
        return DeliveryState.Failed;
    }

    private static TimeSpan Jitter(TimeSpan span) => span * (0.75 + (Random.Shared.NextDouble() / 2));

    private sealed record Attempt(TimeSpan Duration, DispatchOutcome Outcome);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Provider} did not take a message (attempt {Attempt}), next try in {Pause} s: {Reason}")]
    private partial void Retrying(string provider, int attempt, double pause, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Provider} did not take a message after {Attempt} attempts, its code would come too late: {Reason}")]
    private partial void GivenUp(string provider, int attempt, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "A message for {Provider} waited until its code was worthless, and was not sent (attempts before: {Attempts})")]
    private partial void TooLate(string provider, int attempts);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Provider} refuses a message for good: {Reason}")]
    private partial void Refused(string provider, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Provider} cannot be used as it is set up: {Reason}")]
    private partial void Misconfigured(string provider, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The state of a delivery could not be noted: {Error}")]
    private partial void NotReported(string error);
}
