using System.Globalization;
using System.Net;
using OtpPortal.Configuration;

namespace OtpPortal.Storage;

/// <summary>Settings of the Redis databases.</summary>
/// <param name="Otp">REDIS_URL_OTP: codes and limits (db0 unless the URL names a database); null uses the embedded
/// store.</param>
/// <param name="Auth">REDIS_URL_AUTH: tokens and keys (db1 unless the URL names a database or a cluster); null uses the
/// embedded store.</param>
/// <param name="WaitReplicas">REDIS_WAIT_REPLICAS: how many replicas must have a revocation before it is acknowledged, 0–5.</param>
public sealed record StorageSettings(RedisAddress? Otp, RedisAddress? Auth, int WaitReplicas) : ISettings<StorageSettings>
{
    private const int ServerPort = 6379;
    private const int SentinelPort = 26379;
    private const string Form = "redis://[:password@]host:port[,host:port…]/db, rediss:// for TLS, "
        + "or redis+sentinel://[:password@]host:port[,host:port…]/primary-name/db";

    public static StorageSettings Read(SettingsReader reader)
    {
        var settings = new StorageSettings(
            ReadUrl(reader, "REDIS_URL_OTP", 0), ReadUrl(reader, "REDIS_URL_AUTH", 1), reader.Integer("REDIS_WAIT_REPLICAS", 0, 0, 5));
        if (settings is { WaitReplicas: > 0, Auth: null })
            reader.AddError("REDIS_WAIT_REPLICAS needs REDIS_URL_AUTH, because the embedded store has no replicas.");
        return settings;
    }

    private static RedisAddress? ReadUrl(SettingsReader reader, string name, int defaultDatabase)
    {
        if (reader.Secret(name) is not { } text) return null;
        // The value may contain a password, so no error message includes it.
        if (Split(text) is not { } url)
        {
            reader.AddError($"{name} is not a Redis URL. It must be {Form}.");
            return null;
        }
        if (url.User is { Length: > 0 } and not [':', ..])
        {
            reader.AddError($"{name} has a user name, which the Redis client does not support. "
                + $"It must be {Form}, with the password of the default user.");
            return null;
        }
        var (primaryName, path) = (default(string), url.Path);
        if (url.IsSentinel)
        {
            if (path.Split('/') is not ([{ Length: > 0 }] or [{ Length: > 0 }, _]))
            {
                reader.AddError($"{name} does not name the primary that the sentinels watch. "
                    + "It must be redis+sentinel://[:password@]host:port[,host:port…]/primary-name/db.");
                return null;
            }
            (primaryName, path) = path.Split('/') is [var only] ? (only, "") : (path.Split('/')[0], path.Split('/')[1]);
            primaryName = Uri.UnescapeDataString(primaryName);
        }
        var database = defaultDatabase;
        if (path.Length > 0 && !(int.TryParse(path, NumberStyles.None, CultureInfo.InvariantCulture, out database) && database <= 9999))
        {
            var shown = path.All(char.IsAsciiLetterOrDigit) ? $" \"{path}\"" : "";
            reader.AddError($"{name} has the database{shown}, which must be a number such as {defaultDatabase}. It must be {Form}.");
            return null;
        }
        return new RedisAddress(
            url.EndPoints[0], url.User is [':', .. var password] ? Uri.UnescapeDataString(password) : null, url.IsTls, database)
        {
            EndPoints = url.EndPoints,
            PrimaryName = primaryName,
            Setting = name,
            IsDefaultDatabase = path.Length == 0,
        };
    }

    // Uri does not parse several hosts, so each is parsed on its own.
    private static RedisUrl? Split(string text)
    {
        if (text.Split("://", 2) is not [("redis" or "rediss" or "redis+sentinel" or "rediss+sentinel") and var scheme, var rest]
            || rest.AsSpan().ContainsAny('?', '#'))
        {
            return null;
        }
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        var (authority, path) = slash < 0 ? (rest, "") : (rest[..slash], rest[(slash + 1)..].TrimEnd('/'));
        var at = authority.LastIndexOf('@');
        var isSentinel = scheme.EndsWith("sentinel", StringComparison.Ordinal);
        var port = isSentinel ? SentinelPort : ServerPort;
        var endPoints = authority[(at + 1)..].Split(',').Select(item => ReadEndPoint(item, port)).ToList();
        if (endPoints.Contains(null)) return null;
        var isTls = scheme.StartsWith("rediss", StringComparison.Ordinal);
        return new RedisUrl(isTls, isSentinel, at < 0 ? "" : authority[..at], endPoints!, path);
    }

    private static DnsEndPoint? ReadEndPoint(string text, int defaultPort) =>
        Uri.TryCreate("redis://" + text.Trim(), UriKind.Absolute, out var uri) && uri.Host.Length > 0
            ? new DnsEndPoint(uri.IdnHost.Trim('[', ']'), uri.Port > 0 ? uri.Port : defaultPort)
            : null;

    private sealed record RedisUrl(bool IsTls, bool IsSentinel, string User, IReadOnlyList<EndPoint> EndPoints, string Path);
}
