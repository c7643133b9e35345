using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Threading.RateLimiting;
using OtpPortal.Auditing;
using OtpPortal.Delivery.Sms;

namespace OtpPortal.Delivery;

/// <summary>How a message fared that somebody waited for.</summary>
public abstract record DispatchOutcome
{
    private DispatchOutcome() { }

    /// <summary>It is out.</summary>
    /// <param name="Provider">Who took it, which may be another one than the one that was asked for.</param>
    public sealed record Sent(string Provider) : DispatchOutcome;

    /// <summary>A limit holds it back: nothing was sent.</summary>
    /// <param name="Reason">The setting that holds it back.</param>
    public sealed record Limited(string Reason, TimeSpan Wait) : DispatchOutcome;

    /// <summary>Nobody took it.</summary>
    /// <param name="Provider">The last one that was asked.</param>
    public sealed record Failed(string Provider, SendOutcome Last) : DispatchOutcome;
}

/// <summary>
/// Hands messages to providers: past the limits of SMS, no more at once than a provider may have, a share of that to one domain,
/// never longer than it may take, and to the next one of its channel when it fails.
/// </summary>
public sealed partial class Dispatcher(Providers providers, SmsGuard guard, Statistics statistics, TimeProvider time, ILogger<Dispatcher> logger)
    : IDisposable
{
    private static readonly Meter s_meter = new("OtpPortal.Delivery");
    private static readonly Counter<long> s_delivered = s_meter.CreateCounter<long>("otpportal.deliveries", "{message}", "Messages by provider and outcome.");

    private readonly ConcurrentDictionary<string, ProviderLine> _lines = new(StringComparer.Ordinal);

    /// <summary>Sends a message now, for a caller that waits for the outcome.</summary>
    public async Task<DispatchOutcome> SendAsync(Provider provider, Message message, CancellationToken stop)
    {
        if (await HoldBackAsync(provider, message) is { } limited) return limited;
        var outcome = await PassOnAsync(provider, message, deadline: null, stop);
        if (outcome is DispatchOutcome.Failed(var last, var why))
        {
            GivenUp(last, WordsOf(why).Reason);
            NoteGivenUp(last, WordsOf(why).Kind);
        }
        return outcome;
    }

    /// <summary>Sends a message by one provider and no other, so that its own words come back, whatever its circuit says.</summary>
    public async Task<DispatchOutcome> TryOutAsync(Provider provider, Message message, CancellationToken stop)
    {
        // Its own countries: no other one of its chain would serve the others here.
        if (provider.Countries is { } countries && await guard.TakeAsync(message.To, countries) is { } limited) return limited;
        var outcome = await AskAsync(provider, message, deadline: null, evenWhileOpen: true, stop);
        return outcome is SendOutcome.Accepted ? new DispatchOutcome.Sent(provider.Name) : new DispatchOutcome.Failed(provider.Name, outcome);
    }

    /// <summary>How a provider did lately.</summary>
    public ProviderHealth HealthOf(Provider provider) => LineOf(provider).Health;

    public void Dispose()
    {
        foreach (var line in _lines.Values) line.Dispose();
    }

    /// <summary>Counts the message against the limits of SMS; null when it may leave.</summary>
    internal Task<DispatchOutcome.Limited?> HoldBackAsync(Provider provider, Message message) =>
        provider.Countries is null ? Task.FromResult<DispatchOutcome.Limited?>(null) : guard.TakeAsync(message.To, CountriesOf(provider));

    /// <summary>Along the chain, for a message that may leave.</summary>
    /// <param name="deadline">Until when it waits for a free connection; null waits as long as a provider may take.</param>
    internal async Task<DispatchOutcome> PassOnAsync(Provider first, Message message, DateTimeOffset? deadline, CancellationToken stop)
    {
        DispatchOutcome.Failed? failed = null;
        foreach (var provider in providers.ChainOf(first).Where(provider => Reaches(provider, message)))
        {
            if (failed is not null) TakingOver(provider.Name, failed.Provider, WordsOf(failed.Last).Reason);
            var outcome = await AskAsync(provider, message, deadline, evenWhileOpen: false, stop);
            if (outcome is SendOutcome.Accepted)
            {
                s_delivered.Add(1, Tag("provider", provider.Name), Tag("outcome", "sent"));
                if (provider.Countries is not null) await guard.CountSentAsync(message.To);
                return new DispatchOutcome.Sent(provider.Name);
            }
            failed = new DispatchOutcome.Failed(provider.Name, outcome);
            // A message that one provider refuses, another one shall not be talked into: the recipient may have opted out.
            if (outcome is SendOutcome.Refused) break;
        }
        return failed ?? new DispatchOutcome.Failed(first.Name, new SendOutcome.Refused("no provider writes to this country"));
    }

    /// <summary>Notes a message that nobody will try again.</summary>
    internal void NoteGivenUp(string provider, string kind)
    {
        s_delivered.Add(1, Tag("provider", provider), Tag("outcome", kind));
        statistics.CountFailed(provider);
    }

    internal static (string Kind, string Reason) WordsOf(SendOutcome outcome) => outcome switch
    {
        SendOutcome.Refused refused => ("refused", refused.Reason),
        SendOutcome.Misconfigured misconfigured => ("misconfigured", misconfigured.Reason),
        SendOutcome.Temporary temporary => ("temporary", temporary.Reason),
        _ => ("accepted", ""),
    };

    private IReadOnlyList<string> CountriesOf(Provider first) =>
        [.. providers.ChainOf(first).SelectMany(provider => provider.Countries ?? []).Distinct(StringComparer.Ordinal)];

    private static bool Reaches(Provider provider, Message message) => provider.Countries is null || SmsGuard.Allows(message.To, provider.Countries);

    private async Task<SendOutcome> AskAsync(
        Provider provider, Message message, DateTimeOffset? deadline, bool evenWhileOpen, CancellationToken stop)
    {
        var line = LineOf(provider);
        var group = Recipients.GroupOf(message.To);
        if (!evenWhileOpen && line.Refusal(group) is { } refusal) return refusal;

        var patience = deadline - time.GetUtcNow() ?? provider.Terms.Timeout;
        using var lease = await AcquireAsync(line, group, patience, stop);
        // Not the provider's fault: its circuit hears nothing of it.
        if (lease is null) return new SendOutcome.Temporary("too many messages are being handed to it already");
        // It may have failed while this message waited.
        if (!evenWhileOpen && line.Enter(group) is { } failure) return failure;

        using var timeout = new CancellationTokenSource(provider.Terms.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stop);
        SendOutcome outcome;
        var hasTimedOut = false;
        try
        {
            outcome = await provider.Sender.SendAsync(message, either.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            hasTimedOut = true;
            outcome = new SendOutcome.Temporary($"no answer within {provider.Terms.Timeout.TotalSeconds} s");
        }
        line.Report(group, outcome, hasTimedOut);
        return outcome;
    }

    // Null when no connection is free in time.
    private async Task<RateLimitLease?> AcquireAsync(ProviderLine line, string group, TimeSpan patience, CancellationToken stop)
    {
        if (patience <= TimeSpan.Zero) return null;
        using var timeout = new CancellationTokenSource(patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stop);
        try
        {
            return await line.AcquireAsync(group, either.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return null;
        }
    }

    private ProviderLine LineOf(Provider provider) =>
        _lines.GetOrAdd(provider.Name, _ => new ProviderLine(provider.Terms.Connections, time));

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Provider} did not take a message, and nobody else did: {Reason}")]
    private partial void GivenUp(string provider, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Provider} takes over from {Failed}: {Reason}")]
    private partial void TakingOver(string provider, string failed, string reason);
}
