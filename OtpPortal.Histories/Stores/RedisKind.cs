using System.Globalization;
using OtpPortal.Histories.Running;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Histories.Stores;

/// <summary>One Redis server. Each portal has its own link to it, so that the nemesis can partition one of them.</summary>
internal sealed class RedisKind : StoreKind
{
    private readonly ChildProcess _server;
    private readonly RedisLink[] _links;

    public RedisKind(string folder)
    {
        var port = FreePort.Next();
        _server = Node("redis", folder, port);
        _links = [.. Enumerable.Range(0, Replicas).Select(replica => new RedisLink("link " + (char)('a' + replica), port))];
    }

    public override IReadOnlyList<FaultAction> Faults => [.. _server.Faults(), .. _links.SelectMany(link => link.Faults)];

    public override Task StartAsync() => _server.StartAsync();

    public override (string Otp, string Auth) UrlsOf(int replica)
    {
        var server = string.Create(CultureInfo.InvariantCulture, $"redis://127.0.0.1:{_links[replica].Port}");
        return (server + "/0", server + "/1");
    }

    public override ValueTask DisposeAsync()
    {
        foreach (var link in _links) link.Dispose();
        _server.Dispose();
        return ValueTask.CompletedTask;
    }
}
