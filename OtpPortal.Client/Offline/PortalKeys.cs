using System.Net;
using System.Text;
using Microsoft.IdentityModel.Tokens;

namespace OtpPortal.Client;

/// <summary>
/// The portal's public keys. They are fetched again when the portal's <c>max-age</c> is over, and for a key that is not among them, because
/// the portal may have a new one, but then at most every 30 seconds: anybody can name keys that do not exist.
/// </summary>
/// <remarks>While the portal is away, the keys at hand are good for an hour more.</remarks>
internal sealed class PortalKeys(PortalHttp http, TimeProvider time)
{
    private static readonly TimeSpan s_betweenUnknown = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_afterFailure = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_whileAway = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_freshByDefault = TimeSpan.FromMinutes(5);

    private readonly Lock _lock = new();
    private volatile KeySet? _set;
    private Failure? _failure;
    private Task<OtpPortalException?>? _fetch;

    /// <returns>Null when the portal has no such key.</returns>
    /// <exception cref="OtpPortalException">The portal does not say.</exception>
    public async Task<PortalKey?> FindAsync(string id, CancellationToken stop)
    {
        if (TryTell(id, out var key)) return key;
        Task<OtpPortalException?> fetch;
        lock (_lock)
        {
            // Another request's fetch may have ended meanwhile.
            if (TryTell(id, out key)) return key;
            // Nobody waits for a portal that was found away a moment ago; those who come at once wait for the same answer.
            fetch = _failure is { } last && time.GetElapsedTime(last.At) < s_afterFailure
                ? Task.FromResult<OtpPortalException?>(last.Why)
                : _fetch ??= Task.Run(FetchAsync, CancellationToken.None);
        }
        var trouble = await fetch.WaitAsync(stop);
        if (trouble is null) return _set!.Keys.GetValueOrDefault(id);
        return _set is { } old && Age(old) < old.FreshFor + s_whileAway && old.Keys.TryGetValue(id, out var atHand)
            ? atHand : throw trouble;
    }

    // True when the keys at hand are fresh enough to say, also that there is no such key.
    private bool TryTell(string id, out PortalKey? key)
    {
        key = null;
        return _set is { } set && Age(set) < set.FreshFor && (set.Keys.TryGetValue(id, out key) || Age(set) < s_betweenUnknown);
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
                Read(answer), asked, freshFor < s_betweenUnknown ? s_betweenUnknown : freshFor > s_whileAway ? s_whileAway : freshFor);
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
        // JSON without "keys" reads as an empty set. A portal always publishes a key.
        if (set.Keys.Count == 0) throw answer.Malformed(null);
        var read = new Dictionary<string, PortalKey>(StringComparer.Ordinal);
        foreach (var key in set.Keys.Select(PortalKey.Read).OfType<PortalKey>()) read.TryAdd(key.Key.KeyId, key);
        return read;
    }

    private TimeSpan Age(KeySet set) => time.GetElapsedTime(set.AskedAt);

    private sealed record KeySet(Dictionary<string, PortalKey> Keys, long AskedAt, TimeSpan FreshFor);

    private sealed record Failure(long At, OtpPortalException Why);
}
