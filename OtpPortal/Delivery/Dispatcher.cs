using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Threading.RateLimiting;
using OtpPortal.Auditing;
using OtpPortal.Delivery.Sms;

namespace OtpPortal.Delivery;

/// <summary>The outcome of a message that a caller awaits.</summary>
public abstract record DispatchOutcome
{
    private DispatchOutcome() { }

    /// <summary>A provider accepted the message.</summary>
    /// <param name="Provider">The provider that accepted it, which may be a fallback.</param>
    public sealed record Sent(string Provider) : DispatchOutcome;

    /// <summary>A limit held the message back; nothing was sent.</summary>
    /// <param name="Reason">The name of the limit's setting.</param>
    public sealed record Limited(string Reason, TimeSpan Wait) : DispatchOutcome;

    /// <summary>No provider accepted the message.</summary>
    /// <param name="Provider">The last provider tried.</param>
    public sealed record Failed(string Provider, SendOutcome Last) : DispatchOutcome;
}

/// <summary>
/// Sends messages through providers. Applies the SMS limits, each provider's maximum number of connections, a domain's share of
/// them, and the timeout. If a provider fails, tries the next one of its channel.
/// </summary>
public sealed partial class Dispatcher(
    Providers providers, SmsGuard guard, Statistics statistics, TimeProvider time, ILogger<Dispatcher> logger) : IDisposable
{
    private static readonly Meter s_meter = new("OtpPortal.Delivery");
    private static readonly Counter<long> s_delivered =
        s_meter.CreateCounter<long>("otpportal.deliveries", "{message}", "Number of messages by provider and outcome.");

    private readonly ConcurrentDictionary<string, ProviderChannel> _channels = new(StringComparer.Ordinal);

    /// <summary>Sends a message now, for a caller that awaits the outcome.</summary>
    public async Task<DispatchOutcome> SendAsync(Provider provider, Message message, CancellationToken stop)
    {
        if (await CheckLimitsAsync(provider, message) is { } limited) return limited;
        var outcome = await SendThroughChainAsync(provider, message, deadline: null, stop);
        if (outcome is DispatchOutcome.Failed(var last, var why))
        {
            var (kind, reason) = why.Describe();
            GivenUp(last, reason);
            RecordFailure(last, kind);
        }
        return outcome;
    }

    /// <summary>
    /// Sends a test message through this provider only, even while its circuit breaker is open, and returns its response.
    /// </summary>
    public async Task<DispatchOutcome> TryProviderAsync(Provider provider, Message message, CancellationToken stop)
    {
        // Only this provider's countries: the message goes to no other provider, which might allow more.
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

    /// <summary>Counts the message against the SMS limits. Returns null if it may be sent.</summary>
    internal Task<DispatchOutcome.Limited?> CheckLimitsAsync(Provider provider, Message message) =>
        provider.Countries is null ? Task.FromResult<DispatchOutcome.Limited?>(null) : guard.TakeAsync(message.To, CountriesOf(provider));

    /// <summary>Sends a message that is within the limits. If this provider fails, tries the others of its channel.</summary>
    /// <param name="deadline">The time limit for waiting for a free connection; null uses the provider's timeout.</param>
    internal async Task<DispatchOutcome> SendThroughChainAsync(
        Provider first, Message message, DateTimeOffset? deadline, CancellationToken stop)
    {
        DispatchOutcome.Failed? failed = null;
        foreach (var provider in providers.ChainOf(first).Where(provider => CanSend(provider, message)))
        {
            if (failed is not null) TakingOver(provider.Name, failed.Provider, failed.Last.Describe().Reason);
            var outcome = await AskAsync(provider, message, deadline, evenWhileOpen: false, stop);
            if (outcome is SendOutcome.Accepted)
            {
                s_delivered.Add(1, Tag("provider", provider.Name), Tag("outcome", "sent"));
                statistics.CountAccepted(provider.Name);
                if (provider.Countries is not null) await guard.CountSentAsync(message.To);
                return new DispatchOutcome.Sent(provider.Name);
            }
            failed = new DispatchOutcome.Failed(provider.Name, outcome);
            // A rejected message is not sent through another provider: the recipient may have opted out.
            if (outcome is SendOutcome.Refused) break;
        }
        return failed ?? new DispatchOutcome.Failed(first.Name, new SendOutcome.Refused("no provider sends to this country"));
    }

    /// <summary>Counts a message whose attempts have all failed.</summary>
    internal void RecordFailure(string provider, string kind)
    {
        s_delivered.Add(1, Tag("provider", provider), Tag("outcome", kind));
        statistics.CountFailed(provider);
    }

    private IReadOnlyList<string> CountriesOf(Provider first) =>
        [.. providers.ChainOf(first).SelectMany(provider => provider.Countries ?? []).Distinct(StringComparer.Ordinal)];

    private static bool CanSend(Provider provider, Message message) =>
        provider.Countries is null || SmsGuard.Allows(message.To, provider.Countries);

    private async Task<SendOutcome> AskAsync(
        Provider provider, Message message, DateTimeOffset? deadline, bool evenWhileOpen, CancellationToken stop)
    {
        var channel = ChannelOf(provider);
        var group = Recipients.GroupOf(message.To);
        if (!evenWhileOpen && channel.Refusal(group) is { } refusal) return refusal;

        var patience = deadline - time.GetUtcNow() ?? provider.Terms.Timeout;
        using var lease = await AcquireAsync(channel, group, patience, stop);
        // Not a failure of the provider, so its circuit breaker does not count it.
        if (lease is null) return new SendOutcome.Temporary("too many messages are being sent at the same time");
        // The provider may have failed while this message waited.
        if (!evenWhileOpen && channel.Enter(group) is { } failure) return failure;

        using var timeout = new CancellationTokenSource(provider.Terms.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stop);
        SendOutcome outcome;
        var hasTimedOut = false;
        try
        {
            outcome = await provider.Sender.SendAsync(message, either.Token);
        }
        // The provider's timeout, or the HTTP client's connect timeout.
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            hasTimedOut = true;
            outcome = new SendOutcome.Temporary($"no response within {provider.Terms.Timeout.TotalSeconds} s");
        }
        channel.Report(group, outcome, hasTimedOut);
        return outcome;
    }

    // Returns null if no connection becomes free in time.
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
