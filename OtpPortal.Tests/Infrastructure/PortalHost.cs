using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Http;
using Microsoft.Extensions.Logging;
using OtpPortal.Jwt;
using StackExchange.Redis;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>
/// The portal on Kestrel with a real Redis and a fake clock. As a class fixture it uses the default settings; tests with
/// other settings use <see cref="StartAsync"/>.
/// </summary>
public sealed partial class PortalHost : IAsyncLifetime, IAsyncDisposable
{
    public const string Secret = "a-secret-of-the-tests-0123456789";


    private readonly Dictionary<string, string> _settings;
    private readonly bool _production;
    private readonly Action<WebApplicationBuilder>? _configure;
    private readonly OutboundGuard _outbound;
    private readonly List<BrowserClient> _browsers = [];
    private readonly (int Otp, int Auth) _databases;
    private readonly bool _opensStore;
    private OwnStore? _store;
    private WebApplication? _app;

    public PortalHost()
        : this([], production: false, RedisServer.Shared, null, null)
    {
    }

    private PortalHost(
        IEnumerable<(string Name, string Value)> settings, bool production, RedisServer redis, Uri? outbound,
        Action<WebApplicationBuilder>? configure, PortalHost? original = null)
    {
        _production = production;
        _configure = configure;
        _outbound = new OutboundGuard(outbound);
        _databases = original?._databases ?? RedisServer.NewDatabases();
        Redis = redis;
        _opensStore = original is null && OwnStore.IsSelected && redis == RedisServer.Shared;
        _store = original?._store;
        var port = FreePort.Next();
        Address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        _settings = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["PORT"] = port.ToString(CultureInfo.InvariantCulture),
            ["BIND_ADDRESS"] = "127.0.0.1",
            ["PUBLIC_URL"] = Address.GetLeftPart(UriPartial.Authority),
            ["AUTH_SECRET_KEY"] = Secret,
            ["REDIS_URL_OTP"] = redis.Url(_databases.Otp),
            ["REDIS_URL_AUTH"] = redis.Url(_databases.Auth),
            ["MAIL_TRANSPORT"] = "mailbox",
        };
        foreach (var (name, value) in settings) _settings[name] = value;
    }

    public RedisServer Redis { get; }

    /// <summary>Gets the servers of the stores in the client's notation.</summary>
    public string StoreServers =>
        _store?.Servers ?? string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Redis.Port}");

    public FakeClock Clock { get; private init; } = new();

    public CapturedLog Log { get; } = new();

    /// <summary>Gets the address that the portal listens on, which can differ from PUBLIC_URL.</summary>
    public Uri Address { get; }

    public IServiceProvider Services => _app!.Services;

    [SuppressMessage("Reliability", "CA2000", Justification = "The caller disposes of it.")]
    public static async Task<PortalHost> StartAsync(params (string Name, string Value)[] settings) =>
        await new PortalHost(settings, production: false, RedisServer.Shared, null, null).RunAsync();

    [SuppressMessage("Reliability", "CA2000", Justification = "The caller disposes of it.")]
    public static async Task<PortalHost> StartInProductionAsync(params (string Name, string Value)[] settings) =>
        await new PortalHost(settings, production: true, RedisServer.Shared, null, null).RunAsync();

    /// <summary>Starts a portal on a Redis server that the test can stop.</summary>
    [SuppressMessage("Reliability", "CA2000", Justification = "The caller disposes of it.")]
    public static async Task<PortalHost> StartOnAsync(RedisServer redis, params (string Name, string Value)[] settings) =>
        await new PortalHost(settings, production: false, redis, null, null).RunAsync();

    /// <summary>
    /// Starts a portal on a Redis server that the test can stop. <paramref name="outbound"/> is the only server it may call.
    /// </summary>
    [SuppressMessage("Reliability", "CA2000", Justification = "The caller disposes of it.")]
    public static async Task<PortalHost> StartOnAsync(RedisServer redis, Uri outbound, params (string Name, string Value)[] settings) =>
        await new PortalHost(settings, production: false, redis, outbound, null).RunAsync();

    /// <summary>Starts a portal with replaced services. <paramref name="outbound"/> is the only server it may call.</summary>
    [SuppressMessage("Reliability", "CA2000", Justification = "The caller disposes of it.")]
    public static async Task<PortalHost> StartWithAsync(
        Action<WebApplicationBuilder>? configure, Uri? outbound, params (string Name, string Value)[] settings) =>
        await new PortalHost(settings, production: false, RedisServer.Shared, outbound, configure).RunAsync();

    /// <summary>Starts a second replica with the same stores, settings and clock.</summary>
    [SuppressMessage("Reliability", "CA2000", Justification = "The caller disposes of it.")]
    public async Task<PortalHost> StartReplicaAsync(params (string Name, string Value)[] settings) =>
        await new PortalHost(
            [.. _settings.Where(setting => setting.Key != "PORT").Select(setting => (setting.Key, setting.Value)), .. settings],
            _production, Redis, _outbound.Allowed, _configure, original: this)
        { Clock = Clock }.RunAsync();

    public Task InitializeAsync() => RunAsync();

    public async ValueTask DisposeAsync()
    {
        foreach (var browser in _browsers) browser.Dispose();
        if (_app is not null)
        {
            // Queued retries wait for the fake clock.
            var stop = _app.StopAsync();
            await Clock.AdvanceUntilAsync(() => stop.IsCompleted, TimeSpan.FromSeconds(20));
            await stop;
            await _app.DisposeAsync();
        }
        if (_opensStore && _store is not null) await _store.DisposeAsync();
        _outbound.ShouldHaveSeenNoUnexpectedCall();
    }

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    /// <summary>Creates a browser without cookies.</summary>
    public BrowserClient NewBrowser(System.Net.IPAddress? source = null)
    {
        var browser = new BrowserClient(Address, source);
        lock (_browsers) _browsers.Add(browser);
        return browser;
    }

    public BrowserClient NewApiClient() => NewBrowser().AsProgram();

    /// <summary>Waits for <paramref name="count"/> codes sent to an address and returns all of them, oldest first.</summary>
    public Task<IReadOnlyList<string>> CodesForAsync(string email, int count) => Eventually.GetAsync(async () =>
    {
        var codes = await CodesAsync(email);
        return codes.Count >= count ? codes : null;
    });

    public async Task<string> CodeForAsync(string email) => (await CodesForAsync(email, 1))[^1];

    /// <summary>Returns the codes that are currently in the mailbox.</summary>
    public async Task<IReadOnlyList<string>> CodesAsync(string email)
    {
        using var reader = new BrowserClient(Address).AsProgram();
        var answer = await reader.GetAsync("/dev/mailbox.json");
        return
        [
            .. answer.Json.EnumerateArray()
                .Where(message => message.GetProperty("to").GetString() == email)
                .Select(message => Code().Match(message.GetProperty("subject").GetString()!))
                .Where(code => code.Success)
                .Select(code => code.Value)
                .Reverse(),
        ];
    }

    /// <summary>Signs in with address and code and returns the browser that has the session.</summary>
    public async Task<BrowserClient> SignInAsync(string email, BrowserClient? browser = null)
    {
        browser ??= NewBrowser();
        var before = (await CodesAsync(email)).Count;
        (await browser.PostAsync("/login", ("email", email))).Status.ShouldBeOneOf(303, 202);
        var codes = await CodesForAsync(email, before + 1);
        (await browser.PostAsync("/login-otp", ("code", codes[^1]))).Status.ShouldBeOneOf(303, 200);
        browser.Cookies.ShouldContainKey("auth_token");
        return browser;
    }

    /// <summary>Returns all keys and values of both databases, as an attacker with a copy would see them.</summary>
    public StoreDump Dump()
    {
        using var connection = ConnectionMultiplexer.Connect(StoreServers + ",allowAdmin=true");
        return StoreDump.Of(connection, _store?.Databases ?? [_databases.Otp, _databases.Auth]);
    }

    private async Task<PortalHost> RunAsync()
    {
        if (_opensStore)
        {
            _store = await OwnStore.OpenAsync();
            if (_settings["REDIS_URL_OTP"] == Redis.Url(_databases.Otp)) _settings["REDIS_URL_OTP"] = _store.OtpUrl;
            if (_settings["REDIS_URL_AUTH"] == Redis.Url(_databases.Auth)) _settings["REDIS_URL_AUTH"] = _store.AuthUrl;
        }
        _app = PortalApp.Build(AllSettings.Builder(_settings, _production), builder =>
        {
            builder.Logging.ClearProviders().AddProvider(Log).AddFilter("OtpPortal", LogLevel.Debug);
            builder.Services.AddSingleton<TimeProvider>(Clock);
            builder.Services.AddSingleton<IHttpMessageHandlerBuilderFilter>(_outbound);
            // An RSA key takes longer to create than the portal to start. The tests that need keys wait for them.
            builder.Services.Remove(builder.Services.Single(service => service.ImplementationType == typeof(JwtEndpoints.FirstKeys)));
            _configure?.Invoke(builder);
        });
        await _app.StartAsync();
        return this;
    }

    [GeneratedRegex("[0-9]{6,24}$", RegexOptions.None, 1000)]
    private static partial Regex Code();
}
