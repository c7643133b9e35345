using OtpPortal.Configuration;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Gateway;

/// <summary>Tests authentication of namespaces and the gateway settings.</summary>
public sealed class NamespaceTests(GatewayPortal gateway) : IClassFixture<GatewayPortal>
{
    [Fact]
    public async Task Lists_the_providers_for_valid_credentials()
    {
        (await gateway.App.SendAsync(HttpMethod.Get, "/api/providers", null)).Body.ShouldBe("""{"status":"success","data":["mailbox"]}""");
        (await gateway.OtherApp.SendAsync(HttpMethod.Get, "/api/providers", null)).Status.ShouldBe(200, "a secret may hold colons");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Basic")]
    [InlineData("Basic !!!")]
    [InlineData("Basic bm9jb2xvbg==")]
    [InlineData("Bearer secret")]
    [InlineData("MyApp:secret")]
    [InlineData("Basic TXlBcHA6d3Jvbmc=")]
    [InlineData("Basic bXlhcHA6c2VjcmV0")]
    [InlineData("Basic TXlBcHA6U2VjcmV0")]
    [InlineData("Basic TXlBcHA6")]
    [InlineData("Basic OnNlY3JldA==")]
    public async Task Returns_401_for_missing_or_invalid_credentials(string? authorization)
    {
        var program = gateway.Host.NewApiClient();
        (string, string)[] headers = authorization is null ? [] : [("Authorization", authorization)];

        foreach (var (method, path) in new[]
        {
            (HttpMethod.Get, "/api/providers"), (HttpMethod.Put, "/api/otp"), (HttpMethod.Put, "/api/otp/some-id"),
            (HttpMethod.Post, "/api/otp/some-id"),
            (HttpMethod.Post, "/api/otp/some-id/status"), (HttpMethod.Delete, "/api/otp/some-id/status"),
        })
        {
            var answer = await program.SendAsync(method, path, null, headers);
            answer.Status.ShouldBe(401, path);
            answer.Json.GetProperty("status").GetString().ShouldBe("error");
            answer.Header("WWW-Authenticate")!.ShouldStartWith("Basic ");
        }
    }

    [Fact]
    public async Task The_authentication_scheme_is_case_insensitive()
    {
        var header = ("Authorization", GatewayClient.Basic("MyApp:secret").Replace("Basic", "bAsIc", StringComparison.Ordinal));

        (await gateway.Host.NewApiClient().GetAsync("/api/providers", header)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_client_is_locked_out_after_ten_wrong_secrets()
    {
        var guesser = gateway.Host.NewApiClient();
        for (var guess = 0; guess < 10; guess++)
        {
            (await guesser.GetAsync("/api/providers", ("Authorization", GatewayClient.Basic($"MyApp:guess{guess}")))).Status.ShouldBe(401);
        }

        var refused = await guesser.GetAsync("/api/providers", ("Authorization", GatewayClient.Basic("MyApp:secret")));

        refused.Status.ShouldBe(429);
        refused.RetryAfter.ShouldBeInRange(1, 300);
        refused.Json.GetProperty("status").GetString().ShouldBe("error");
        (await gateway.App.SendAsync(HttpMethod.Get, "/api/providers", null)).Status.ShouldBe(200, "other messages are not delayed");
    }

    [Fact]
    public async Task The_health_check_needs_no_credentials() =>
        (await gateway.Host.NewApiClient().GetAsync("/api/health")).Body.ShouldBe("""{"status":"success","data":"OK"}""");

    [Fact]
    public async Task Returns_401_when_no_namespaces_are_configured()
    {
        await using var portal = await PortalHost.StartAsync();

        (await portal.NewApiClient().GetAsync("/api/providers", ("Authorization", GatewayClient.Basic(":")))).Status.ShouldBe(401);
    }

    [Fact]
    public async Task Returns_503_in_the_error_envelope_while_the_store_is_unavailable()
    {
        using var redis = RedisServer.Start();
        await using var portal = await PortalHost.StartOnAsync(redis, ("NAMESPACES", "MyApp:secret"));
        var app = new GatewayClient(portal, "MyApp", "secret");
        var (id, code) = await app.BeginAsync();
        redis.Stop();
        await Eventually.BeTrueAsync(async () => (await portal.NewApiClient().GetAsync("/api/health")).Status == 503);

        foreach (var answer in new[]
        {
            await app.PutAsync(id, ("provider", "mailbox"), ("to", TestUser.New())), await app.CheckAsync(id, code),
            await app.StatusAsync(id),
        })
        {
            answer.Status.ShouldBe(503);
            answer.Json.GetProperty("message").GetString().ShouldBe("Unable to reach store.");
        }
    }

    [Theory]
    [InlineData("NAMESPACES", "nocolon", "NAMESPACES")]
    [InlineData("NAMESPACES", "name:", "NAMESPACES")]
    [InlineData("NAMESPACES", "with blank:topsecret", "NAMESPACES")]
    [InlineData("NAMESPACES", "one:topsecret,one:topsecret2", "NAMESPACES")]
    [InlineData("EMBED_ORIGINS", "*", "EMBED_ORIGINS")]
    [InlineData("EMBED_ORIGINS", "https://app.example.com/path", "EMBED_ORIGINS")]
    [InlineData("EMBED_ORIGINS", "app.example.com", "EMBED_ORIGINS")]
    [InlineData("EVENTS_MYAPP_URL", "https://app.example.com/hook", "EVENTS_MYAPP_URL")]
    public void An_invalid_setting_prevents_startup(string name, string value, string named)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal) { ["AUTH_SECRET_KEY"] = PortalHost.Secret, [name] = value };

        var complaint = Should.Throw<SettingsException>(() => AllSettings.Read(values, isProduction: false)).Errors.ShouldHaveSingleItem();

        complaint.ShouldContain(named);
        complaint.ShouldNotContain("topsecret");
    }

    [Theory]
    [InlineData("MyApp:a", "is too short")]
    [InlineData("MyApp:topsecret012345", "is too short", "MyApp:topsecret0123456")]
    [InlineData("Good:0123456789abcdef,MyApp:topsecret", "is too short")]
    public void A_short_secret_prevents_startup_in_Production(string value, string problem, string? enough = null)
    {
        var complaint = ErrorsFor(value, isProduction: true).ShouldHaveSingleItem();

        complaint.ShouldStartWith($"NAMESPACES: the secret of \"MyApp\" {problem}. Set at least 16 random characters");
        complaint.ShouldNotContain("topsecret");
        complaint.ShouldNotContain("0123456789abcdef");
        ErrorsFor(value, isProduction: false).ShouldBeEmpty();
        if (enough is not null) ErrorsFor(enough, isProduction: true).ShouldBeEmpty();
    }

    [Fact]
    public void The_secret_from_env_sample_prevents_startup_in_Production()
    {
        var sample = File.ReadAllLines(Path.Combine(RepositoryRoot(), ".env.sample")).Single(
            line => line.StartsWith("# NAMESPACES=", StringComparison.Ordinal))["# NAMESPACES=".Length..];

        ErrorsFor(sample, isProduction: true).ShouldHaveSingleItem()
            .ShouldStartWith("NAMESPACES: the secret of \"MyApp\" is the one from .env.sample");
        ErrorsFor(sample, isProduction: false).ShouldBeEmpty();
    }

    private static IReadOnlyList<string> ErrorsFor(string namespaces, bool isProduction)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["AUTH_SECRET_KEY"] = PortalHost.Secret,
            ["MAIL_TRANSPORT"] = "mailbox",
            ["NAMESPACES"] = namespaces,
        };
        try
        {
            AllSettings.Read(values, isProduction, Path.GetTempPath());
            return [];
        }
        catch (SettingsException e)
        {
            return e.Errors;
        }
    }

    private static string RepositoryRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, ".env.sample"))) folder = folder.Parent;
        return folder.FullName;
    }

    [Theory]
    [InlineData("not a url", "0123456789abcdef", "EVENTS_MY_APP_URL")]
    [InlineData("https://app.example.com/hook", "tooshort", "EVENTS_MY_APP_SECRET")]
    [InlineData("https://app.example.com/hook", "", "EVENTS_MY_APP_SECRET")]
    [InlineData("", "0123456789abcdef", "EVENTS_MY_APP_URL")]
    public void Event_webhooks_require_a_URL_and_a_secret(string url, string secret, string named)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["AUTH_SECRET_KEY"] = PortalHost.Secret,
            ["NAMESPACES"] = "my.app:secret",
            ["EVENTS_MY_APP_URL"] = url,
            ["EVENTS_MY_APP_SECRET"] = secret,
        };

        Should.Throw<SettingsException>(() => AllSettings.Read(values, isProduction: false)).Errors
            .ShouldHaveSingleItem().ShouldContain(named);
    }
}
