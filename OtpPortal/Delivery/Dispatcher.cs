using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Threading.RateLimiting;
using OtpPortal.Auditing;
using OtpPortal.Delivery.Sms;

namespace OtpPortal.Delivery;

/// <summary>The outcome of a message that a caller waited for.</summary>
public abstract record DispatchOutcome
{
    private DispatchOutcome() { }

    /// <summary>A provider took it.</summary>
    /// <param name="Provider">The one that took it, which need not be the one that was asked first.</param>
    public sealed record Sent(string Provider) : DispatchOutcome;

    /// <summary>A limit held it back: nothing was sent.</summary>
    /// <param name="Reason">The setting of that limit.</param>
    public sealed record Limited(string Reason, TimeSpan Wait) : DispatchOutcome;

    /// <summary>No provider took it.</summary>
    /// <param name="Provider">The one that was asked last.</param>
    public sealed record Failed(string Provider, SendOutcome Last) : DispatchOutcome;
}

/// <summary>
/// Hands messages to providers, within the limits for SMS, each provider's connections and a domain's share of them, and its timeout. When
/// one fails, the next one of its channel is asked.
/// </summary>
public sealed partial class Dispatcher(
    Providers providers, SmsGuard guard, Statistics statistics, TimeProvider time, ILogger<Dispatcher> logger) : IDisposable
{
    private static readonly Meter s_meter = new("OtpPortal.Delivery");
    private static readonly Counter<long> s_delivered =
        s_meter.CreateCounter<long>("otpportal.deliveries", "{message}", "Number of messages by provider and outcome.");

    private readonly ConcurrentDictionary<string, ProviderChannel> _channels = new(StringComparer.Ordinal);

    /// <summary>Sends a message now, for a caller that waits for the outcome.</summary>
    public async Task<DispatchOutcome> SendAsync(Provider provider, Message message, CancellationToken stop)
    {
        if (await HoldBackAsync(provider, message) is { } limited) return limited;
        var outcome = await PassOnAsync(provider, message, deadline: null, stop);
        if (outcome is DispatchOutcome.Failed(var last, var why))
        {
            var (kind, reason) = why.Describe();
            GivenUp(last, reason);
            NoteGivenUp(last, kind);
        }
        return outcome;
    }

    /// <summary>Sends a test message by this provider alone, even while its circuit breaker is open, and returns its own answer.</summary>
    public async Task<DispatchOutcome> TryOutAsync(Provider provider, Message message, CancellationToken stop)
    {
        // Its own countries: the message goes to no other provider, which might send to more.
        if (provider.Countries is { } countries && await guard.TakeAsync(message.To, countries) is { } limited) return limited;
        var outcome = await AskAsync(provider, message, deadline: null, evenWhileOpen: true, stop);
        return outcome is SendOutcome.Accepted
            ? new DispatchOutcome.Sent(provider.Name)
            : new DispatchOutcome.Failed(provider.Name, outcome);
    }

    /// <summary>Returns the state of a provider.</summary>
    public ProviderHealth HealthOf(Provider provider) => ChannelOf(provider).Health;

    public void Dispose()
    {
        foreach (var channel in _channels.Values) channel.Dispose();
    }

    /// <summary>Counts the message against the limits for SMS. Returns null when it may be sent.</summary>
    internal Task<DispatchOutcome.Limited?> HoldBackAsync(Provider provider, Message message) =>
        provider.Countries is null ? Task.FromResult<DispatchOutcome.Limited?>(null) : guard.TakeAsync(message.To, CountriesOf(provider));

    /// <summary>Asks this provider and, when it fails, the others of its channel, for a message that is within the limits.</summary>
    /// <param name="deadline">How long to wait for a free connection; null waits for the provider's timeout.</param>
    internal async Task<DispatchOutcome> PassOnAsync(Provider first, Message message, DateTimeOffset? deadline, CancellationToken stop)
    {
        DispatchOutcome.Failed? failed = null;
        foreach (var provider in providers.ChainOf(first).Where(provider => Reaches(provider, message)))
        {
            if (failed is not null) TakingOver(provider.Name, failed.Provider, failed.Last.Describe().Reason);
            var outcome = await AskAsync(provider, message, deadline, evenWhileOpen: false, stop);
            if (outcome is SendOutcome.Accepted)
            {
                s_delivered.Add(1, Tag("provider", provider.Name), Tag("outcome", "sent"));
                if (provider.Countries is not null) await guard.CountSentAsync(message.To);
                return new DispatchOutcome.Sent(provider.Name);
            }
            failed = new DispatchOutcome.Failed(provider.Name, outcome);
            // No other provider is asked for what one refused: the recipient may have opted out.
            if (outcome is SendOutcome.Refused) break;
        }
        return failed ?? new DispatchOutcome.Failed(first.Name, new SendOutcome.Refused("no provider sends to this country"));
    }

    /// <summary>Counts a message that will not be tried again.</summary>
    internal void NoteGivenUp(string provider, string kind)
    {
        s_delivered.Add(1, Tag("provider", provider), Tag("outcome", kind));
        statistics.CountFailed(provider);
    }

    private IReadOnlyList<string> CountriesOf(Provider first) =>
        [.. providers.ChainOf(first).SelectMany(provider => provider.Countries ?? []).Distinct(StringComparer.Ordinal)];

    private static bool Reaches(Provider provider, Message message) =>
        provider.Countries is null || SmsGuard.Allows(message.To, provider.Countries);

    private async Task<SendOutcome> AskAsync(
        Provider provider, Message message, DateTimeOffset? deadline, bool evenWhileOpen, CancellationToken stop)
    {
        var channel = ChannelOf(provider);
        var group = Recipients.GroupOf(message.To);
        if (!evenWhileOpen && channel.Refusal(group) is { } refusal) return refusal;

        var patience = deadline - time.GetUtcNow() ?? provider.Terms.Timeout;
        using var lease = await AcquireAsync(channel, group, patience, stop);
        // Not a failure of the provider: its circuit breaker does not count it.
        if (lease is null) return new SendOutcome.Temporary("too many messages are being sent at the same time");
        // It may have failed while this message waited.
        if (!evenWhileOpen && channel.Enter(group) is { } failure) return failure;

        using var timeout = new CancellationTokenSource(provider.Terms.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stop);
        SendOutcome outcome;
        var hasTimedOut = false;
        try
        {
            outcome = await provider.Sender.SendAsync(message, either.Token);
        }
        // The timeout, or the HTTP client's own for the connection.
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            hasTimedOut = true;
            outcome = new SendOutcome.Temporary($"no response within {provider.Terms.Timeout.TotalSeconds} s");
        }
        channel.Report(group, outcome, hasTimedOut);
        return outcome;
    }

    // Returns null when no connection is free in time.
    private async Task<RateLimitLease?> AcquireAsync(ProviderChannel channel, string group, TimeSpan patience, CancellationToken stop)
    {
        if (patience <= TimeSpan.Zero) return null;
        using var timeout = new CancellationTokenSource(patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stop);
        try
        {
            return await channel.AcquireAsync(group, either.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return null;
        }
    }

    private ProviderChannel ChannelOf(Provider provider) =>
        _channels.GetOrAdd(provider.Name, _ => new ProviderChannel(provider.Terms.Connections, time));

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);

    [LoggerMessage(Level = LogLevel.Error, Message = "Could not send a message with {Provider}, and no fallback could: {Reason}")]
    private partial void GivenUp(string provider, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Falling back to {Provider} from {Failed}: {Reason}")]
    private partial void TakingOver(string provider, string failed, string reason);
}
