using System.Globalization;
using Microsoft.Extensions.Localization;
using OtpPortal.Components.Localization;
using OtpPortal.Configuration;
using OtpPortal.Http;
using OtpPortal.Sessions;
using OtpPortal.Storage;

namespace OtpPortal.Admin;

/// <summary>The severity of a finding.</summary>
public enum FindingState
{
    Good,
    Note,
    Problem,
}

/// <summary>A finding about the portal.</summary>
/// <param name="Subject">The name of what was checked.</param>
/// <param name="Advice">What to do, or null if nothing needs to be done.</param>
public sealed record Finding(string Subject, string Value, FindingState State, string? Advice);

/// <summary>Reports how the proxies affect a request's addresses, and whether the stores respond.</summary>
public sealed class DiagnosticsRunner(
    PortalSettings portal,
    StorageSettings storage,
    Stores stores,
    TokenCookie tokenCookie,
    IStringLocalizer<Texts> texts,
    TimeProvider time)
{
    private static readonly TimeSpan s_slowThreshold = TimeSpan.FromMilliseconds(50);

    // Sessions and codes expire by the clocks of the replicas, for which a few seconds do not matter.
    private static readonly TimeSpan s_skew = TimeSpan.FromSeconds(5);

    public IReadOnlyList<Finding> CheckRequest(HttpContext context)
    {
        var request = context.Request;
        var peer = ForwardedAddresses.PeerOf(context)?.ToString() ?? "";
        var trusted = portal.TrustsProxy(ForwardedAddresses.PeerOf(context));
        // Applied headers are removed, so the remaining ones were ignored.
        var ignored = request.Headers.Keys
            .Where(name => name.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase))
            .Where(name => name is not ("X-Forwarded-Host" or "X-Forwarded-Port"))
            .Order(StringComparer.Ordinal)
            .ToList();
        var applied = !Equals(ForwardedAddresses.PeerOf(context), context.Connection.RemoteIpAddress);
        var host = request.Host.Value ?? "";
        var publicHost = portal.PublicUrl.Authority;
        return
        [
            new(texts["CheckVersion"], PortalVersion.Text, FindingState.Good, null),
            new(texts["CheckPublicUrl"], portal.Origin, FindingState.Good, null),
            request.Scheme == portal.PublicUrl.Scheme
                ? new(texts["CheckScheme"], request.Scheme, FindingState.Good, null)
                : new(texts["CheckScheme"], request.Scheme, FindingState.Problem,
                    texts[portal.IsHttps ? "CheckSchemeHttp" : "CheckSchemeHttps", portal.PublicUrl.Scheme]),
            string.Equals(host, publicHost, StringComparison.OrdinalIgnoreCase)
                ? new(texts["CheckHost"], host, FindingState.Good, null)
                : new(texts["CheckHost"], host, FindingState.Note, texts["CheckHostDiffers", publicHost]),
            new(texts["CheckClient"], ClientAddress.Of(context), FindingState.Good, null),
            new(texts["CheckPeer"], peer, FindingState.Good, null),
            (trusted, applied, ignored.Count) switch
            {
                (true, true, _) => new(texts["CheckProxy"], texts["CheckProxyTrusted"], FindingState.Good, null),
                (true, false, _) => new(texts["CheckProxy"], texts["CheckProxyTrusted"], FindingState.Note, texts["CheckProxySilent"]),
                (false, _, > 0) => new(texts["CheckProxy"], texts["CheckProxyNotTrusted"], FindingState.Problem,
                    texts["CheckProxyIgnored", string.Join(", ", ignored), peer]),
                _ => new(texts["CheckProxy"], texts["CheckProxyNone"], FindingState.Good, null),
            },
            new(texts["CheckCookie"], tokenCookie.Describe(),
                portal.IsHttps || !portal.IsProduction ? FindingState.Good : FindingState.Note,
                portal.IsHttps || !portal.IsProduction ? null : texts["CheckCookieNotSecure"].Value),
        ];
    }

    public async Task<IReadOnlyList<Finding>> CheckStoresAsync()
    {
        var all = await Task.WhenAll(
            CheckAsync(stores.Otp, texts["CheckStoreOtp"], storage.Otp),
            CheckAsync(stores.Auth, texts["CheckStoreAuth"], storage.Auth));
        return [.. all.SelectMany(findings => findings)];
    }

    private async Task<Finding[]> CheckAsync(RedisStore store, string name, RedisAddress? address)
    {
        var place = address is null ? texts["CheckStoreEmbedded"].Value : store.Servers;
        try
        {
            var latency = await store.PingAsync();
            var before = time.GetUtcNow();
            var there = await store.TimeAsync();
            var skew = there - (before + ((time.GetUtcNow() - before) / 2));
            return
            [
                new(name, string.Create(CultureInfo.CurrentCulture, $"{place} · {latency.TotalMilliseconds:0.0} ms"),
                    latency < s_slowThreshold ? FindingState.Good : FindingState.Note,
                    latency < s_slowThreshold ? null : texts["CheckStoreSlow"].Value),
                new(texts["CheckSkew", name], string.Create(CultureInfo.CurrentCulture, $"{skew.TotalSeconds:+0.0;-0.0;0.0} s"),
                    skew.Duration() < s_skew ? FindingState.Good : FindingState.Problem,
                    skew.Duration() < s_skew ? null : texts["CheckSkewLarge"].Value),
            ];
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            return [new(name, place, FindingState.Problem, texts["CheckStoreAway"])];
        }
    }
}
