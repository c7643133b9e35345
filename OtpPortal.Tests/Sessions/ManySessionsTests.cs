using System.Globalization;
using OtpPortal.Security;
using OtpPortal.Sessions;
using OtpPortal.Storage;
using OtpPortal.Tests.Infrastructure;
using StackExchange.Redis;

namespace OtpPortal.Tests.Sessions;

/// <summary>Tests that the cost of a page of the session list is independent of the number of sessions.</summary>
public sealed class ManySessionsTests : IAsyncLifetime
{
    // Enough for every shard of the indexes: an empty one takes a command less.
    private const int Few = 500;
    private const int Many = 100_000;

    private readonly RedisServer _server = RedisServer.Start();
    private Stores _stores = null!;
    private ConnectionMultiplexer _admin = null!;
    private TokenStore _tokens = null!;
    private SessionList _sessions = null!;

    public async Task InitializeAsync()
    {
        var endPoint = new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, _server.Port);
        _stores = new Stores(
            RedisStore.Connect("otp", new RedisAddress(endPoint, Password: null, Tls: false, 0)),
            RedisStore.Connect("auth", new RedisAddress(endPoint, Password: null, Tls: false, 1)), null);
        _admin = await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{_server.Port},allowAdmin=true");
        var secret = new AuthSecret(PortalHost.Secret);
        var settings = AllSettings.Read(
            new Dictionary<string, string>(StringComparer.Ordinal) { ["AUTH_SECRET_KEY"] = PortalHost.Secret }, isProduction: false).Tokens;
        var index = new SessionIndex(_stores);
        _tokens = new TokenStore(
            _stores, new ReplicaWait(new StorageSettings(null, null, 0), _stores), index, new UserAgents(_stores),
            new AuthToken(secret, settings), settings,
            new FakeClock());
        _sessions = new SessionList(index, _tokens);
    }

    public Task DisposeAsync()
    {
        _admin.Dispose();
        _stores.Dispose();
        _server.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task The_number_of_commands_per_page_is_constant()
    {
        await IssueAsync(0, Few);
        var few = await CountAllAsync(Few);
        await IssueAsync(Few, Many);

        var many = await CountAllAsync(Many);

        many.ShouldBe(few);
        many.Max().ShouldBeLessThan(80, "a page of twenty is read with twenty reads and at most three commands for each of 16 shards");
    }

    private async Task IssueAsync(int from, int to)
    {
        foreach (var numbers in Enumerable.Range(from, to - from).Chunk(500))
        {
            await Task.WhenAll(numbers.Select(number => _tokens.IssueAsync($"user{number}@example.com", "192.0.2.1", "Tests/1.0")));
        }
    }

    private async Task<List<long>> CountAllAsync(int sessions)
    {
        SessionQuery[] queries =
        [
            new("", SessionOrder.LastSeen, Descending: true, 0, 20),
            new("", SessionOrder.LastSeen, Descending: false, Few - 20, 20),
            new("", SessionOrder.Created, Descending: true, Few / 2, 20),
            new("", SessionOrder.Email, Descending: false, 0, 20),
            new("user", SessionOrder.Email, Descending: true, Few - 20, 20),
            new("user99@", SessionOrder.LastSeen, Descending: true, 0, 20),
        ];
        var counts = new List<long>();
        foreach (var query in queries)
        {
            var before = await CommandsAsync();
            var slice = await _sessions.SliceAsync(query);
            counts.Add(await CommandsAsync() - before);
            slice.Sessions.Count.ShouldBe(query.Prefix == "user99@" ? 1 : 20);
            slice.Total.ShouldBe(query.Prefix == "user99@" ? 1 : sessions);
        }
        return counts;
    }

    // Excludes the periodic commands of the client itself, such as PING and INFO.
    private async Task<long> CommandsAsync()
    {
        var info = await _admin.GetServer("127.0.0.1", _server.Port).InfoAsync("commandstats");
        return info.SelectMany(section => section)
            .Where(line => line.Key is not ("cmdstat_ping" or "cmdstat_select" or "cmdstat_echo")
                && !line.Key.StartsWith("cmdstat_info", StringComparison.Ordinal)
                && !line.Key.StartsWith("cmdstat_config", StringComparison.Ordinal)
                && !line.Key.StartsWith("cmdstat_client", StringComparison.Ordinal))
            .Sum(line => long.Parse(line.Value.Split(',')[0]["calls=".Length..], CultureInfo.InvariantCulture));
    }
}
