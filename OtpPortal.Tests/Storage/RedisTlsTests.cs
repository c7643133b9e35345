using System.Net;
using System.Text.RegularExpressions;
using OtpPortal.Storage;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Storage;

/// <summary>Tests Redis with TLS and a password.</summary>
/// <remarks>The certificates that a process trusts are read once, so each portal runs in a process of its own.</remarks>
public sealed class RedisTlsTests
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    public async Task One_server(string host)
    {
        using var protection = new RedisProtection(host);
        using var folder = new TemporaryFolder();
        using var server = RedisNode.StartServer(folder.Path, protection);
        using var portal = await StartAsync(protection, Url("rediss", host, [server], "/0"), Url("rediss", host, [server], "/1"));

        (await IsReadyAsync(portal)).ShouldBeTrue();
        (await IsSignedInAsync(await SignInAsync(portal))).ShouldBeTrue();
    }

    /// <remarks>The nodes name each other by IP address, also where their certificate has a host name.</remarks>
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    public async Task A_cluster_with_a_failover(string host)
    {
        using var protection = new RedisProtection(host);
        using var cluster = await RedisCluster.StartAsync(withReplicas: true, protection);
        var url = Url("rediss", host, cluster.Nodes, "");
        using var portal = await StartAsync(protection, url, url);
        var browsers = new List<BrowserClient>();
        for (var i = 0; i < 6; i++) browsers.Add(await SignInAsync(portal));

        // The session keys are spread over the primaries.
        cluster.Nodes[0].Kill();
        await Eventually.BeTrueAsync(cluster.Nodes[3].IsPrimaryAsync);
        await Eventually.BeTrueAsync(() => IsReadyAsync(portal));

        foreach (var browser in browsers) (await IsSignedInAsync(browser)).ShouldBeTrue();
        await SignInAsync(portal);
    }

    [Fact]
    public async Task Sentinels_with_a_failover()
    {
        using var protection = new RedisProtection("127.0.0.1");
        using var redis = await RedisSentinels.StartAsync(protection);
        var url = Url("rediss+sentinel", "127.0.0.1", redis.Sentinels, "/" + RedisSentinels.PrimaryName);
        using var portal = await StartAsync(protection, url + "/0", url + "/1");
        var browser = await SignInAsync(portal);
        await redis.Servers[0].TellAsync("WAIT", "2", "10000");

        redis.Servers[0].Kill();
        await Eventually.BeTrueAsync(async () => await redis.Servers[1].IsPrimaryAsync() || await redis.Servers[2].IsPrimaryAsync());
        await Eventually.BeTrueAsync(() => IsReadyAsync(portal));

        (await IsSignedInAsync(browser)).ShouldBeTrue();
        await SignInAsync(portal);
    }

    /// <remarks>
    /// The attack: someone between the portal and Redis presents another certificate. The portal must not send the password.
    /// </remarks>
    [Theory]
    [InlineData("redis.example", true, "RemoteCertificateNameMismatch")]
    [InlineData("127.0.0.1", false, "UntrustedRoot")]
    public async Task The_portal_sends_no_password_to_a_server_whose_certificate_is_not_valid(string host, bool isTrusted, string reason)
    {
        using var protection = new RedisProtection(host);
        using var other = new RedisProtection("127.0.0.1");
        using var folder = new TemporaryFolder();
        using var server = RedisNode.StartServer(folder.Path, protection);
        await Eventually.BeTrueAsync(server.RespondsAsync);
        await server.TellAsync("CONFIG", "RESETSTAT");
        using var portal = await StartAsync(
            isTrusted ? protection : other, Url("rediss", "127.0.0.1", [server], "/0"), Url("rediss", "127.0.0.1", [server], "/1"));

        await Eventually.BeTrueAsync(() => portal.Log.Contains(reason, StringComparison.Ordinal));
        (await IsReadyAsync(portal)).ShouldBeFalse();
        // The test itself signs in to read the statistics.
        (await server.CallsAsync())["auth"].ShouldBe(1);
        portal.Log.ShouldNotContain(RedisProtection.Password);
    }

    [Theory]
    [InlineData("redis://:wr0ng-one@{server}/0", @"127\.0\.0\.1:.*NOAUTH Authentication required")]
    [InlineData("redis://{password}@{nobody}/0", @"127\.0\.0\.1:.*Connection refused")]
    [InlineData("redis://{password}@{replica},{replica}/0", @"No server that responds is a primary\.")]
    [InlineData("rediss+sentinel://:wr0ng-one@{sentinel}/portal/0", @"127\.0\.0\.1:.*NOAUTH Authentication required")]
    [InlineData("rediss+sentinel://{password}@{sentinel}/other/0", @"127\.0\.0\.1:.*No such master with that name")]
    public async Task The_log_says_why_no_primary_is_found(string url, string reason)
    {
        using var protection = new RedisProtection("127.0.0.1");
        using var folder = new TemporaryFolder();
        using var server = RedisNode.StartServer(folder.Path, protection);
        var configuration = Path.Combine(folder.Path, "sentinel.conf");
        await File.WriteAllTextAsync(configuration, $"sentinel monitor portal 127.0.0.1 {RedisNode.Text(server.PortalPort)} 1\n");
        using var sentinel = RedisNode.StartSentinel(configuration, protection);
        using var replica = RedisNode.StartServer(
            folder.Path, protection, "--replicaof", "127.0.0.1", RedisNode.Text(server.PortalPort));
        await Eventually.BeTrueAsync(server.RespondsAsync);
        await Eventually.BeTrueAsync(sentinel.RespondsAsync);
        await Eventually.BeTrueAsync(replica.RespondsAsync);
        url = url.Replace("{server}", server.EndPoint.ToString(), StringComparison.Ordinal)
            .Replace("{sentinel}", $"127.0.0.1:{RedisNode.Text(sentinel.PortalPort)}", StringComparison.Ordinal)
            .Replace("{replica}", replica.EndPoint.ToString(), StringComparison.Ordinal)
            .Replace("{nobody}", $"127.0.0.1:{RedisNode.Text(FreePort.Next())}", StringComparison.Ordinal)
            .Replace("{password}", ":" + Uri.EscapeDataString(RedisProtection.Password), StringComparison.Ordinal);
        using var portal = await StartAsync(protection, url, url);

        (await IsReadyAsync(portal)).ShouldBeFalse();
        await Eventually.BeTrueAsync(
            () => Regex.IsMatch(portal.Log, @"no server of REDIS_URL_AUTH is known to be a primary\. " + reason));
        portal.Log.ShouldNotContain("wr0ng-one");
    }

    [Fact]
    public void Each_server_needs_its_own_name_unless_the_settings_have_the_name_of_all()
    {
        var (first, second) = (new IPEndPoint(IPAddress.Parse("10.0.0.1"), 1), new IPEndPoint(IPAddress.Parse("10.0.0.2"), 1));
        var named = new RedisAddress(new DnsEndPoint("redis.example", 1), null, Tls: true, 0);
        var numbered = new RedisAddress(new DnsEndPoint("10.0.0.1", 1), null, Tls: true, 0);

        named.TlsHostOf(second).ShouldBe("redis.example");
        named.TlsHostOf(new DnsEndPoint("other.example", 1)).ShouldBe("other.example");
        numbered.TlsHostOf(second).ShouldBe("10.0.0.2");
        (named with { PrimaryName = "portal" }).TlsHostOf(second).ShouldBe("10.0.0.2");
        var cluster = new RedisTopology(IsCluster: true, [first, second]);
        named.ToOptions("tests", cluster).SslHost.ShouldBe("redis.example");
        numbered.ToOptions("tests", cluster).SslHost.ShouldBeNull("the client then requires the name of each server");
    }

    private static string Url(string scheme, string host, IEnumerable<RedisNode> nodes, string path)
    {
        var servers = string.Join(',', nodes.Select(node => $"{host}:{RedisNode.Text(node.PortalPort)}"));
        return $"{scheme}://:{Uri.EscapeDataString(RedisProtection.Password)}@{servers}{path}";
    }

    private static Task<PortalProcess> StartAsync(RedisProtection trusted, string otp, string auth) =>
        PortalProcess.StartAsync(("REDIS_URL_OTP", otp), ("REDIS_URL_AUTH", auth), ("SSL_CERT_FILE", trusted.CertificateFile));

    private static async Task<bool> IsReadyAsync(PortalProcess portal)
    {
        using var client = new BrowserClient(portal.Address);
        return (await client.GetAsync("/readyz")).Status == 200;
    }

    private static async Task<BrowserClient> SignInAsync(PortalProcess portal)
    {
        var (browser, email) = (new BrowserClient(portal.Address).AsProgram(), TestUser.New());
        (await browser.PostAsync("/login", ("email", email))).Status.ShouldBe(202);
        var code = await Eventually.GetAsync(async () => (await browser.GetAsync("/dev/mailbox.json")).Json.EnumerateArray()
            .Where(message => message.GetProperty("to").GetString() == email)
            .Select(message => message.GetProperty("subject").GetString()![^6..]).FirstOrDefault());
        (await browser.PostAsync("/login-otp", ("code", code))).Status.ShouldBe(200);
        return browser;
    }

    private static async Task<bool> IsSignedInAsync(BrowserClient browser) =>
        (await browser.GetAsync("/check-auth")).Status == 200;
}
