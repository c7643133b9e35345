using System.Net;
using System.Text;
using Microsoft.IdentityModel.Tokens;

namespace OtpPortal.Client;

/// <summary>
/// Caches the portal's public keys. Fetches them again when <c>max-age</c> has passed, and for an unknown key id, because the
/// portal may have rotated its keys; the latter at most every 30 seconds, because an attacker can make up key ids.
/// </summary>
/// <remarks>While the portal is unavailable, cached keys stay valid for one more hour.</remarks>
internal sealed class PortalKeys(PortalHttp http, TimeProvider time)
{
    private static readonly TimeSpan s_unknownKeyInterval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_retryAfterFailure = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_maxStaleness = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_freshByDefault = TimeSpan.FromMinutes(5);

    private readonly Lock _lock = new();
    private volatile KeySet? _set;
    private Failure? _failure;
    private Task<OtpPortalException?>? _fetch;

    /// <returns>The key; null if the portal has no such key.</returns>
    /// <exception cref="OtpPortalException">The keys are not cached, and the portal cannot be reached.</exception>
    public async Task<PortalKey?> FindAsync(string id, CancellationToken cancellationToken)
    {
        if (TryResolve(id, out var key)) return key;
        Task<OtpPortalException?> fetch;
        lock (_lock)
        {
            // Another request may have fetched the keys in the meantime.
            if (TryResolve(id, out key)) return key;
            // After a recent failure requests fail at once; concurrent requests share one fetch.
            fetch = _failure is { } last && time.GetElapsedTime(last.At) < s_retryAfterFailure
                ? Task.FromResult<OtpPortalException?>(last.Why)
                : _fetch ??= Task.Run(FetchAsync, CancellationToken.None);
        }
        var trouble = await fetch.WaitAsync(cancellationToken);
        if (trouble is null) return _set!.Keys.GetValueOrDefault(id);
        return _set is { } old && Age(old) < old.FreshFor + s_maxStaleness && old.Keys.TryGetValue(id, out var atHand)
            ? atHand : throw trouble;
    }

    // Returns true if the cached keys are fresh enough to decide, including that there is no such key.
    private bool TryResolve(string id, out PortalKey? key)
    {
        key = null;
        return _set is { } set && Age(set) < set.FreshFor && (set.Keys.TryGetValue(id, out key) || Age(set) < s_unknownKeyInterval);
    }

    private async Task<OtpPortalException?> FetchAsync()
    {
        OtpPortalException? trouble = null;
        var asked = time.GetTimestamp();
        try
        {
            var answer = await http.SendAsync(HttpMethod.Get, "/api/v2/jwks.json", null, CancellationToken.None);
            if (answer.Status != HttpStatusCode.OK) throw answer.Unexpected();
            var freshFor = answer.Headers.CacheControl?.MaxAge ?? s_freshByDefault;
            _set = new KeySet(
                Read(answer), asked, TimeSpan.FromTicks(Math.Clamp(freshFor.Ticks, s_unknownKeyInterval.Ticks, s_maxStaleness.Ticks)));
        }
        catch (OtpPortalException e)
        {
            trouble = e;
        }
        finally
        {
            lock (_lock)
            {
                _failure = trouble is null ? null : new Failure(time.GetTimestamp(), trouble);
                _fetch = null;
            }
        }
        return trouble;
    }

    private static Dictionary<string, PortalKey> Read(PortalAnswer answer)
    {
        JsonWebKeySet set;
        try
        {
            set = JsonWebKeySet.Create(Encoding.UTF8.GetString(answer.Body.Span));
        }
        catch (ArgumentException e)
        {
            throw answer.Malformed(e);
        }
        // JSON without "keys" parses as an empty set, but a portal always publishes a key.
        if (set.Keys.Count == 0) throw answer.Malformed(null);
        var read = new Dictionary<string, PortalKey>(StringComparer.Ordinal);
        foreach (var key in set.Keys.Select(PortalKey.Read).OfType<PortalKey>()) read.TryAdd(key.Key.KeyId, key);
        return read;
    }

    private TimeSpan Age(KeySet set) => time.GetElapsedTime(set.AskedAt);

    private sealed record KeySet(Dictionary<string, PortalKey> Keys, long AskedAt, TimeSpan FreshFor);

    private sealed record Failure(long At, OtpPortalException Why);
}
