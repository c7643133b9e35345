using System.Globalization;
using Microsoft.Extensions.Localization;
using OtpPortal.Components.Localization;
using OtpPortal.Delivery;
using OtpPortal.Delivery.Sms;
using OtpPortal.Http;
using OtpPortal.Sessions;
using OtpPortal.Storage;

namespace OtpPortal.Admin;

/// <summary>What a finding means for whoever sets the portal up.</summary>
public enum FindingState
{
    Good,
    Note,
    Problem,
}

/// <summary>One thing that was looked at.</summary>
/// <param name="Subject">What it is, in words.</param>
/// <param name="Advice">What to do; null when there is nothing to do.</param>
public sealed record Finding(string Subject, string Value, FindingState State, string? Advice);

/// <summary>Looks at the portal from inside a request: what the proxies in front of it make of the address, and whether all that it needs is there.</summary>
public sealed class SelfCheck(
    PortalSettings portal,
    StorageSettings storage,
    MailSettings mail,
    SmsSettings sms,
    Stores stores,
    TokenCookie tokenCookie,
    Providers providers,
    Dispatcher dispatcher,
    IStringLocalizer<Texts> texts,
    TimeProvider time)
{
    private static readonly TimeSpan s_slow = TimeSpan.FromMilliseconds(50);

    // Sessions and codes end by the clocks of the replicas: a few seconds do no harm.
    private static readonly TimeSpan s_skew = TimeSpan.FromSeconds(5);

    public IReadOnlyList<Finding> LookAtRequest(HttpContext context)
    {
        var request = context.Request;
        var peer = ForwardedAddresses.PeerOf(context)?.ToString() ?? "";
        var trusted = portal.TrustsProxy(ForwardedAddresses.PeerOf(context));
        // What was applied is taken away: what is still there was not believed.
        var ignored = request.Headers.Keys.Where(name => name.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase) && name is not ("X-Forwarded-Host" or "X-Forwarded-Port")).Order(StringComparer.Ordinal).ToList();
        var applied = !Equals(ForwardedAddresses.PeerOf(context), context.Connection.RemoteIpAddress);
        var host = request.Host.Value ?? "";
        var publicHost = portal.PublicUrl.Authority;
        return
        [
            new(texts["CheckPublicUrl"], portal.Origin, FindingState.Good, null),
            request.Scheme == portal.PublicUrl.Scheme
                ? new(texts["CheckScheme"], request.Scheme, FindingState.Good, null)
                : new(texts["CheckScheme"], request.Scheme, FindingState.Problem, texts[portal.IsHttps ? "CheckSchemeHttp" : "CheckSchemeHttps", portal.PublicUrl.Scheme]),
            string.Equals(host, publicHost, StringComparison.OrdinalIgnoreCase)
                ? new(texts["CheckHost"], host, FindingState.Good, null)
                : new(texts["CheckHost"], host, FindingState.Note, texts["CheckHostDiffers", publicHost]),
            new(texts["CheckClient"], ClientAddress.Of(context), FindingState.Good, null),
            new(texts["CheckPeer"], peer, FindingState.Good, null),
            (trusted, applied, ignored.Count) switch
            {
                (true, true, _) => new(texts["CheckProxy"], texts["CheckProxyTrusted"], FindingState.Good, null),
                (true, false, _) => new(texts["CheckProxy"], texts["CheckProxyTrusted"], FindingState.Note, texts["CheckProxySilent"]),
                (false, _, > 0) => new(texts["CheckProxy"], texts["CheckProxyNotTrusted"], FindingState.Problem, texts["CheckProxyIgnored", string.Join(", ", ignored), peer]),
                _ => new(texts["CheckProxy"], texts["CheckProxyNone"], FindingState.Good, null),
            },
            new(texts["CheckCookie"], tokenCookie.Describe(), portal.IsHttps || !portal.IsProduction ? FindingState.Good : FindingState.Note,
                portal.IsHttps || !portal.IsProduction ? null : texts["CheckCookieNotSecure"].Value),
        ];
    }

    public async Task<IReadOnlyList<Finding>> LookAtStoresAsync()
    {
        var all = await Task.WhenAll(
            LookAtAsync(stores.Otp, texts["CheckStoreOtp"], storage.Otp),
            LookAtAsync(stores.Auth, texts["CheckStoreAuth"], storage.Auth));
        return [.. all.SelectMany(findings => findings)];
    }

    public IReadOnlyList<Finding> LookAtMail()
    {
        var transport = providers.Mail.Name;
        var server = transport switch
        {
            "postmark" => mail.Postmark?.ApiUrl.ToString(),
            "smtp" => string.Create(CultureInfo.InvariantCulture, $"{mail.Smtp?.Host}:{mail.Smtp?.Port}, {(mail.Smtp?.StartTls == true ? "STARTTLS" : texts["CheckMailPlain"].Value)}"),
            _ => null,
        };
        var findings = new List<Finding>
        {
            new(texts["CheckMail"], transport, transport == "mailbox" ? FindingState.Note : FindingState.Good, transport == "mailbox" ? texts["CheckMailbox"].Value : null),
            new(texts["CheckSender"], mail.From, FindingState.Good, null),
        };
        if (server is not null) findings.Insert(1, new(texts["CheckMailServer"], server, FindingState.Good, null));
        if (mail.Fallback is not null) findings.Add(new(texts["CheckFallback"], mail.Fallback, FindingState.Good, null));
        return findings;
    }

    /// <summary>Each provider, and how it did since this process began.</summary>
    public IReadOnlyList<Finding> LookAtProviders()
    {
        var findings = providers.All.Select(LookAt).ToList();
        var order = sms.Order;
        if (order.Count > 0) findings.Add(new(texts["CheckSmsOrder"], string.Join(" → ", order), FindingState.Good, null));
        return findings;
    }

    private Finding LookAt(Provider provider)
    {
        var value = provider.Countries is { Count: > 0 } countries ? $"{provider.ChannelName}: {string.Join(", ", countries)}" : provider.ChannelName;
        if (provider.Countries is { Count: 0 }) return new(provider.Name, value, FindingState.Problem, texts["CheckNoCountries"]);
        var health = dispatcher.HealthOf(provider);
        if (health.LastFailure is null) return new(provider.Name, value, FindingState.Good, null);
        var (kind, reason) = Dispatcher.WordsOf(health.LastFailure);
        var advice = texts["CheckProvider_" + kind, Time(health.FailedAt), reason].Value;
        if (health.OpenUntil is { } until) advice += " " + texts["CheckProviderOpen", Time(until)].Value;
        return new(provider.Name, value, health.LastFailure.IsAboutRecipient ? FindingState.Note : FindingState.Problem, advice);
    }

    private static string Time(DateTimeOffset instant) => instant.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    private async Task<Finding[]> LookAtAsync(RedisStore store, string name, RedisAddress? address)
    {
        var place = address?.ToString() ?? texts["CheckStoreEmbedded"].Value;
        try
        {
            var latency = await store.PingAsync();
            var before = time.GetUtcNow();
            var there = await store.TimeAsync();
            var skew = there - (before + ((time.GetUtcNow() - before) / 2));
            return
            [
                new(name, string.Create(CultureInfo.CurrentCulture, $"{place} · {latency.TotalMilliseconds:0.0} ms"),
                    latency < s_slow ? FindingState.Good : FindingState.Note, latency < s_slow ? null : texts["CheckStoreSlow"].Value),
                new(texts["CheckSkew", name], string.Create(CultureInfo.CurrentCulture, $"{skew.TotalSeconds:+0.0;-0.0;0.0} s"),
                    skew.Duration() < s_skew ? FindingState.Good : FindingState.Problem, skew.Duration() < s_skew ? null : texts["CheckSkewLarge"].Value),
            ];
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            return [new(name, place, FindingState.Problem, texts["CheckStoreAway"])];
        }
    }
}
