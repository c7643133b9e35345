using System.Globalization;
using System.Net;
using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>
/// The address of a Redis database: a single server, the nodes of a cluster, a primary and its replicas, or the sentinels that
/// know the primary.
/// </summary>
/// <param name="EndPoint">The first server, or the first sentinel.</param>
/// <param name="Password">The password of the default user, also sent to the sentinels.</param>
/// <param name="Database">The number of the database. A cluster has only database 0.</param>
public sealed record RedisAddress(EndPoint EndPoint, string? Password, bool Tls, int Database)
{
    /// <summary>All servers or sentinels of the address.</summary>
    public IReadOnlyList<EndPoint> EndPoints { get; init; } = [EndPoint];

    /// <summary>The name of the primary that the sentinels watch; null if the address names the servers themselves.</summary>
    public string? PrimaryName { get; init; }

    /// <summary>The setting that contains the address, for error messages.</summary>
    public string Setting { get; init; } = "";

    /// <summary>Whether the address names no database, so that <see cref="Database"/> is the default of its setting.</summary>
    public bool IsDefaultDatabase { get; init; }

    /// <summary>Returns the end points and the database; never the password.</summary>
    public override string ToString()
    {
        var servers = string.Join(',', EndPoints.Select(Describe));
        var place = PrimaryName is null ? servers : $"{PrimaryName}@{servers}";
        return string.Create(CultureInfo.InvariantCulture, $"{place}/{Database}");
    }

    internal static string Describe(EndPoint endPoint) =>
        endPoint is DnsEndPoint dns ? string.Create(CultureInfo.InvariantCulture, $"{dns.Host}:{dns.Port}") : $"{endPoint}";

    /// <summary>Returns the host name or IP address for which the certificate of a server must be valid.</summary>
    internal string TlsHostOf(EndPoint server) =>
        SharedTlsHost(server) ?? (server is DnsEndPoint dns ? dns.Host : ((IPEndPoint)server).Address.ToString());

    // The nodes of a cluster name each other by IP address. Their certificates have the host name from the settings, if that has one.
    private string? SharedTlsHost(EndPoint server) =>
        PrimaryName is null && server is IPEndPoint && EndPoint is DnsEndPoint { Host: var host } && !IPAddress.TryParse(host, out _)
            ? host
            : null;

    internal ConfigurationOptions ToOptions(string clientName, RedisTopology topology)
    {
        var options = new ConfigurationOptions
        {
            Password = Password,
            Ssl = Tls,
            // Without it, the client requires the name of each server.
            SslHost = Tls ? SharedTlsHost(topology.Primaries[0]) : null,
            DefaultDatabase = topology.IsCluster ? 0 : Database,
            ClientName = clientName,
            // The portal starts while Redis is down, and responds 503 until it is up.
            AbortOnConnectFail = false,
            // A cluster is used without the nodes that do not respond, so opening a connection must not wait long for them.
            ConnectTimeout = topology.IsCluster ? 1000 : 2000,
            SyncTimeout = 2000,
            KeepAlive = 15,
            ConfigCheckSeconds = 15,
            // Disables the tie-breaker and the configuration channel: the portal finds the primary itself, and the client must
            // not write its own keys to it.
            TieBreaker = "",
            ConfigurationChannel = "",
            ReconnectRetryPolicy = new LinearRetry(250),
        };
        foreach (var server in topology.Primaries) options.EndPoints.Add(server);
        return options;
    }
}
