using System.Globalization;
using System.Net;
using OtpPortal.Configuration;
using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>Which Redis holds what.</summary>
/// <param name="Otp">REDIS_URL_OTP: codes and limits (db0 unless the URL says otherwise); null uses the embedded store.</param>
/// <param name="Auth">REDIS_URL_AUTH: tokens and keys (db1 unless the URL says otherwise); null uses the embedded store.</param>
public sealed record StorageSettings(RedisAddress? Otp, RedisAddress? Auth) : ISettings<StorageSettings>
{
    public static StorageSettings Read(SettingsReader reader) =>
        new(ReadUrl(reader, "REDIS_URL_OTP", 0), ReadUrl(reader, "REDIS_URL_AUTH", 1));

    private static RedisAddress? ReadUrl(SettingsReader reader, string name, int defaultDatabase)
    {
        if (reader.Secret(name) is not { } text) return null;
        // The value may hold a password, so no complaint repeats it.
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("redis" or "rediss") || uri.Host.Length == 0
            || uri.Query.Length > 0 || uri.Fragment.Length > 0)
        {
            reader.AddError($"{name} is not a Redis URL. It must be redis://[:password@]host:port/db, or rediss:// for TLS.");
            return null;
        }

        string? password = null;
        if (uri.UserInfo.Length > 0)
        {
            var colon = uri.UserInfo.IndexOf(':', StringComparison.Ordinal);
            if (colon != 0)
            {
                reader.AddError($"{name} has a user name, which the Redis client does not support. "
                    + "It must be redis://[:password@]host:port/db, with the password of the default user.");
                return null;
            }
            password = Uri.UnescapeDataString(uri.UserInfo[1..]);
        }

        var path = uri.AbsolutePath.Trim('/');
        var database = defaultDatabase;
        if (path.Length > 0 && !(int.TryParse(path, NumberStyles.None, CultureInfo.InvariantCulture, out database) && database <= 9999))
        {
            reader.AddError($"{name} has the database \"{path}\", which must be a number such as {defaultDatabase}.");
            return null;
        }
        return new RedisAddress(
            new DnsEndPoint(uri.IdnHost.Trim('[', ']'), uri.Port > 0 ? uri.Port : 6379), password, uri.Scheme == "rediss", database);
    }
}

/// <summary>One database of one Redis server.</summary>
public sealed record RedisAddress(EndPoint EndPoint, string? Password, bool Tls, int Database)
{
    /// <summary>Host, port and database; never the password.</summary>
    public override string ToString() => EndPoint switch
    {
        DnsEndPoint dns => string.Create(CultureInfo.InvariantCulture, $"{dns.Host}:{dns.Port}/{Database}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{EndPoint}/{Database}"),
    };

    internal ConfigurationOptions ToOptions(string clientName) => new()
    {
        EndPoints = { EndPoint },
        Password = Password,
        Ssl = Tls,
        SslHost = Tls && EndPoint is DnsEndPoint dns ? dns.Host : null,
        DefaultDatabase = Database,
        ClientName = clientName,
        // A Redis that is down at the start must not keep the portal from starting: it answers 503 until Redis is there.
        AbortOnConnectFail = false,
        ConnectTimeout = 2000,
        SyncTimeout = 2000,
        KeepAlive = 15,
        ConfigCheckSeconds = 15,
        // No tie-breaker and no configuration channel: one server, and nothing of ours in databases that are not ours.
        TieBreaker = "",
        ConfigurationChannel = "",
        ReconnectRetryPolicy = new LinearRetry(250),
    };
}
