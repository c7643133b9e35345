using System.Text;
using System.Text.Json;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.ApiDocs;

/// <summary>Compares <c>/openapi/portal.json</c> with the endpoints and their responses.</summary>
public sealed class PortalOpenApiTests(PortalOpenApiTests.Portal portal) : IClassFixture<PortalOpenApiTests.Portal>
{
    private const string Key = "Bearer " + PortalHost.Secret;

    // Not part of this API: pages and their forms, static files and other APIs.
    private static readonly string[] s_elsewhere =
    [
        "/admin", "/dev/mailbox", "/docs", "/error", "/login/code", "/login/finish", "/login/link", "/language", "/magic-link", "/otp/",
        "/OtpPortal.", "/_content/", "/_framework/", "/css/", "/favicon.", "/js/", "/static/", "/openapi/", "/api/", "/jotp",
    ];

    private PortalHost Host => portal.Host;

    private Task<DescribedApi> GetDocumentAsync() => DescribedApi.OfAsync(Host, "portal");

    [Fact]
    public async Task Every_endpoint_is_documented_and_no_other()
    {
        var served = DescribedApi.ServedBy(Host)
            .Where(operation => !operation.EndsWith(" /", StringComparison.Ordinal))
            .Where(operation => !s_elsewhere.Any(root => operation.Split(' ')[1].StartsWith(root, StringComparison.Ordinal)));

        // The endpoint accepts every method.
        (await GetDocumentAsync()).Operations.Keys.ShouldBe(served.Append("GET /forward-auth"), ignoreOrder: true);
    }

    [Fact]
    public async Task Every_documented_response_is_returned_and_every_response_is_documented()
    {
        var api = await GetDocumentAsync();

        await SignInAsync(api);
        await CheckAsync(api);
        await AdministrateAsync(api);
        await WithoutStoreAsync(api);

        api.Unseen.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_docs_page_lists_every_operation() => await (await GetDocumentAsync()).ShouldBeShownByAsync(Host);

    [Theory]
    [InlineData("portal")]
    [InlineData("gateway")]
    [InlineData("v2")]
    public async Task The_document_is_independent_of_the_Host_header_and_supports_HEAD(string name)
    {
        var (plain, path) = (await Host.NewApiClient().GetAsync($"/openapi/{name}.json"), $"/openapi/{name}.json");

        var answer = await Host.NewApiClient().GetAsync(path, ("Host", "evil.example"), ("X-Forwarded-Host", "evil.example"));

        answer.Body.ShouldBe(plain.Body);
        var head = await Host.NewApiClient().SendAsync(HttpMethod.Head, path, null);
        (head.Status, head.ContentType, head.Body).ShouldBe((200, plain.ContentType, ""));
    }

    [Theory]
    [InlineData("portal", "GET /check-auth", "bearer, cookie")]
    [InlineData("portal", "GET /forward-auth", "bearer, cookie")]
    [InlineData("portal", "GET /token", "bearer, cookie")]
    [InlineData("portal", "DELETE /auth-tokens/{id}", "operator")]
    [InlineData("portal", "POST /signing-keys/rotate", "operator")]
    [InlineData("portal", "GET /service-accounts", "operator")]
    [InlineData("portal", "POST /login", "")]
    [InlineData("gateway", "PUT /api/otp/{id}", "namespace")]
    [InlineData("gateway", "GET /api/health", "")]
    [InlineData("gateway", "POST /jotp/sessions", "namespace")]
    [InlineData("gateway", "POST /jotp/sessions/{id}", "")]
    [InlineData("v2", "POST /api/v2/otp/create", "apiKey")]
    [InlineData("v2", "GET /api/v2/jwks.json", "")]
    public async Task Documents_the_security_schemes_that_each_endpoint_requires(string document, string operation, string schemes)
    {
        var api = await DescribedApi.OfAsync(Host, document);

        var asked = api.Operations[operation].TryGetProperty("security", out var security)
            ? security.EnumerateArray().Select(requirement => requirement.EnumerateObject().ShouldHaveSingleItem().Name).ToList()
            : [];

        string.Join(", ", asked).ShouldBe(schemes);
        foreach (var scheme in asked) api.Resolve(JsonElement.Parse($$"""{"$ref":"#/components/securitySchemes/{{scheme}}"}"""));
    }

    private async Task SignInAsync(DescribedApi api)
    {
        void Is(string path, int status, Answer answer)
        {
            answer.Status.ShouldBe(status, answer.Body);
            api.ShouldDescribe(path, "post", answer);
        }

        static StringContent NoForm() => new("{}", Encoding.UTF8, "application/json");
        var (browser, email) = (Host.NewApiClient(), TestUser.New());

        foreach (var path in (string[])["/login", "/login-otp", "/login/resend", "/logout/session"])
        {
            Is(path, 415, await browser.SendAsync(HttpMethod.Post, path, NoForm()));
        }
        Is("/login", 400, await browser.PostAsync("/login", ("email", "nobody")));
        Is("/login-otp", 410, await browser.PostAsync("/login-otp", ("code", "123456")));
        Is("/login/resend", 410, await browser.PostAsync("/login/resend"));

        Is("/login", 202, await browser.PostAsync("/login", ("email", email)));
        Is("/login/resend", 429, await browser.PostAsync("/login/resend"));
        Is("/login/resend", 400, await browser.PostAsync("/login/resend", ("flow", "another")));
        Host.Clock.Advance(TimeSpan.FromSeconds(31));
        Is("/login/resend", 202, await browser.PostAsync("/login/resend"));
        var code = (await Host.CodesForAsync(email, 2))[^1];
        var wrong = code[..^1] + (char)('0' + ((code[^1] - '0' + 1) % 10));
        Is("/login-otp", 400, await browser.PostAsync("/login-otp", ("code", "12")));
        Is("/login-otp", 401, await browser.PostAsync("/login-otp", ("code", wrong)));
        Is("/login-otp", 200, await browser.PostAsync("/login-otp", ("code", code)));
        foreach (var path in (string[])["/logout/session", "/logout/others", "/logout", "/logout/everywhere"])
        {
            Is(path, 303, await browser.PostAsync(path));
        }

        (await browser.PostAsync("/login", ("email", TestUser.New()))).Status.ShouldBe(202);
        for (var time = 0; time < 6; time++)
        {
            api.ShouldDescribe("/login-otp", "post", await browser.PostAsync("/login-otp", ("code", "000000")));
            api.ShouldDescribe("/login", "post", await Host.NewApiClient().PostAsync("/login", ("email", email)));
        }
    }

    private async Task CheckAsync(DescribedApi api)
    {
        var (user, stranger) = (await Host.SignInAsync(TestUser.New()), Host.NewApiClient());
        foreach (var path in (string[])["/check-auth", "/forward-auth", "/token"])
        {
            api.ShouldDescribe(path, "get", await user.GetAsync(path));
            api.ShouldDescribe(path, "get", await stranger.GetAsync(path));
        }
        api.ShouldDescribe("/token", "get", await user.GetAsync("/token?alg=none"));
        api.ShouldDescribe("/forward-auth", "get", await stranger.GetAsync(
            "/forward-auth",
            ("Accept", "text/html"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "app.example.com"), ("X-Forwarded-Uri", "/")));
        foreach (var path in (string[])["/healthz", "/readyz", "/.well-known/openid-configuration"])
        {
            api.ShouldDescribe(path, "get", await stranger.GetAsync(path));
        }
    }

    private async Task AdministrateAsync(DescribedApi api)
    {
        var program = Host.NewApiClient();
        async Task<Answer> IsAsync(HttpMethod method, string path, string? address = null, string key = Key)
        {
            var answer = await program.SendAsync(method, address ?? path, null, ("Authorization", key));
            api.ShouldDescribe(path, method.Method.ToLowerInvariant(), answer);
            return answer;
        }

        var email = TestUser.New();
        await Host.SignInAsync(email);
        await Host.SignInAsync(TestUser.New());
        await IsAsync(HttpMethod.Get, "/auth-tokens");
        var list = await IsAsync(HttpMethod.Get, "/auth-tokens", "/auth-tokens?details=true&limit=1");
        list.Header("X-Next-Cursor").ShouldNotBeNull();
        await IsAsync(HttpMethod.Get, "/auth-tokens", "/auth-tokens?limit=0");
        await IsAsync(HttpMethod.Delete, "/auth-tokens");
        var id = list.Json[0].GetProperty("id").GetString();
        (await IsAsync(HttpMethod.Delete, "/auth-tokens/{id}", $"/auth-tokens/{id}")).Status.ShouldBe(204);
        (await IsAsync(HttpMethod.Delete, "/auth-tokens/{id}", $"/auth-tokens/{id}")).Status.ShouldBe(404);
        (await IsAsync(HttpMethod.Delete, "/auth-tokens", "/auth-tokens?email=" + email)).Status.ShouldBe(204);

        await IsAsync(HttpMethod.Post, "/signing-keys/rotate", "/signing-keys/rotate?overlap=60");
        await IsAsync(HttpMethod.Post, "/signing-keys/rotate", "/signing-keys/rotate?overlap=x");

        (await portal.AdminAccount.PostAsync("admin/service-account/create", new { })).Status.ShouldBe(201);
        var account = (await IsAsync(HttpMethod.Get, "/service-accounts")).Json[0].GetProperty("uuid").GetString();
        (await IsAsync(HttpMethod.Delete, "/service-accounts/{id}", $"/service-accounts/{account}")).Status.ShouldBe(204);
        (await IsAsync(HttpMethod.Delete, "/service-accounts/{id}", $"/service-accounts/{account}")).Status.ShouldBe(404);

        for (var guess = 0; guess < 13; guess++)
        {
            foreach (var (method, path) in Administration) await IsAsync(method, path, key: $"Bearer guess-number-{guess}");
        }
    }

    private static (HttpMethod Method, string Path)[] Administration =>
    [
        (HttpMethod.Get, "/auth-tokens"), (HttpMethod.Delete, "/auth-tokens"), (HttpMethod.Delete, "/auth-tokens/{id}"),
        (HttpMethod.Post, "/signing-keys/rotate"), (HttpMethod.Get, "/service-accounts"), (HttpMethod.Delete, "/service-accounts/{id}"),
    ];

    private static async Task WithoutStoreAsync(DescribedApi api)
    {
        using var redis = RedisServer.Start();
        await using var host = await PortalHost.StartOnAsync(redis, MagicLinks.V2Portal.Setting);
        var (user, program) = (await host.SignInAsync(TestUser.New()), host.NewApiClient());
        redis.Stop();
        // The cached signing keys expire.
        host.Clock.Advance(TimeSpan.FromMinutes(1));

        foreach (var (method, path) in Administration)
        {
            var address = path.Replace("{id}", MagicLinks.V2Portal.AdminId, StringComparison.Ordinal) + "?email=ann@example.com";
            var answer = await program.SendAsync(method, address, null, ("Authorization", Key));
            api.ShouldDescribe(path, method.Method.ToLowerInvariant(), answer);
        }
        foreach (var path in (string[])["/check-auth", "/forward-auth", "/token", "/readyz"])
        {
            api.ShouldDescribe(path, "get", await user.AsProgram().GetAsync(path));
        }
        foreach (var path in (string[])["/login", "/login-otp", "/login/resend", "/logout", "/logout/others", "/logout/everywhere",
            "/logout/session"])
        {
            api.ShouldDescribe(path, "post", await user.PostAsync(path));
        }
    }

    public sealed class Portal : IAsyncLifetime
    {
        public PortalHost Host { get; private set; } = null!;

        internal MagicLinks.V2Client AdminAccount => new(Host, MagicLinks.V2Portal.AdminKey);

        public async Task InitializeAsync() => Host = await PortalHost.StartAsync(
            MagicLinks.V2Portal.Setting, ("NAMESPACES", "MyApp:secret"),
            ("ALLOWED_REDIRECTS", "app.example.com"), ("TRUSTED_PROXIES", "127.0.0.0/8"));

        public async Task DisposeAsync() => await Host.DisposeAsync();
    }
}
