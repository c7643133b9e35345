using System.Globalization;
using System.Net;

namespace OtpPortal.Storage;

/// <summary>The servers that hold a database.</summary>
/// <param name="Primaries">The primaries of a cluster that have hash slots, or the only primary.</param>
internal sealed record RedisTopology(bool IsCluster, IReadOnlyList<EndPoint> Primaries)
{
    /// <summary>Which node has which hash slots; changes when slots move.</summary>
    public string Slots { get; init; } = "";

    /// <summary>All nodes of a cluster, replicas included.</summary>
    public IReadOnlyList<EndPoint> Nodes { get; init; } = Primaries;

    /// <summary>Whether every hash slot is served. Otherwise <see cref="Problem"/> says why not.</summary>
    public bool IsComplete => Problem is null;

    public string? Problem { get; init; }

    /// <summary>Returns whether both have the same servers in the same roles.</summary>
    public bool HasSameServersAs(RedisTopology other) =>
        IsCluster == other.IsCluster && Primaries.ToHashSet().SetEquals(other.Primaries);

    /// <summary>Reads the view of one node of a cluster.</summary>
    /// <param name="info">The response to CLUSTER INFO.</param>
    /// <param name="nodes">The response to CLUSTER NODES.</param>
    /// <param name="node">The node, which may not know its own address.</param>
    public static RedisTopology OfCluster(RespReply info, RespReply nodes, EndPoint node)
    {
        // {id} {ip:port@port[,host]} {flags} {primary} {ping} {pong} {epoch} {link} {slot}…
        var all = nodes.Text.Split('\n')
            .Select(line => line.Trim().Split(' '))
            .Where(parts => parts.Length >= 8)
            .Select(parts => (Flags: parts[2].Split(','), Address: parts[1].Split('@')[0],
                // A slot that is on the move is listed in brackets.
                Slots: string.Join(' ', parts[8..].Where(slot => slot[0] != '['))))
            .Where(line => !line.Flags.Contains("noaddr", StringComparer.Ordinal))
            .Select(line => (EndPoint: ParseEndPoint(line.Address, node), line.Flags, line.Slots))
            .OrderBy(line => line.Slots, StringComparer.Ordinal)
            .ToList();
        var primaries = all.Where(line => line.Flags.Contains("master", StringComparer.Ordinal) && line.Slots.Length > 0).ToList();
        var state = info.Field("cluster_state");
        var served = info.Field("cluster_slots_ok");
        return new RedisTopology(IsCluster: true, [.. primaries.Select(line => line.EndPoint)])
        {
            Nodes = [.. all.Select(line => line.EndPoint)],
            Slots = string.Join(';', primaries.Select(line => $"{line.EndPoint} {line.Slots}")),
            Problem = state == "ok" && served == "16384" ? null
                : $"The state of the Redis Cluster is \"{state}\", and {served} of its 16384 hash slots are served.",
        };
    }

    /// <summary>Parses "host:port", where an IPv6 address has no brackets.</summary>
    internal static EndPoint ParseEndPoint(string text, EndPoint self)
    {
        var colon = text.LastIndexOf(':');
        var (host, port) = (text[..colon].Trim('[', ']'), int.Parse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture));
        if (IPAddress.TryParse(host, out var ip)) return new IPEndPoint(ip, port);
        return host.Length > 0 ? new DnsEndPoint(host, port)
            : self is DnsEndPoint dns ? new DnsEndPoint(dns.Host, port) : new IPEndPoint(((IPEndPoint)self).Address, port);
    }
}
