using OtpPortal.MagicLinks;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.MagicLinks;

/// <summary>Tests magic links created by a service account.</summary>
public sealed class MagicLinkTests(V2Portal v2) : IClassFixture<V2Portal>
{
    private static object To(string url, long lifespanSeconds = 60) =>
        new
        {
            redirectURL = url,
            lifespanSeconds,
            jwtCreateParams = new { claims = new { email = "ann@example.com" }, lifespanSeconds = 120 },
        };

    private static Task<Answer> SubmitAsync(BrowserClient browser, Answer page) =>
        browser.PostAsync(page.Find("form")!.GetAttribute("action")!, ("secret", page.Find("input[name=secret]")!.GetAttribute("value")!));

    private static string PathOf(string link) => new Uri(link).PathAndQuery;

    [Fact]
    public async Task The_page_shows_the_target_host_and_its_button_redirects_there_with_a_JWT()
    {
        var app = await v2.NewAccountAsync();
        var (link, secret) = await app.NewLinkAsync(To("https://app.example.com/in?next=%2Fhome#top"));
        var browser = v2.Host.NewBrowser();

        var page = await browser.GetAsync(PathOf(link));
        var gone = await SubmitAsync(browser, page);

        link.ShouldStartWith(v2.Host.Address.GetLeftPart(UriPartial.Authority) + "/magic-link?");
        link.ShouldContain(secret);
        page.Status.ShouldBe(200);
        page.Header("Cache-Control")!.ShouldContain("no-store");
        page.Text.ShouldContain("app.example.com");
        page.Header("Content-Security-Policy")!.Split("; ")
            .ShouldContain("form-action 'self' https:", "the app may redirect to other origins");
        gone.Status.ShouldBe(303);
        gone.Location!.ShouldStartWith("https://app.example.com/in?next=%2Fhome&jwt=");
        gone.Location.ShouldEndWith("#top");
        var jwt = gone.Location.Split("jwt=")[1].Split('#')[0];
        var claims = (await app.ValidateJwtAsync(jwt)).Json.GetProperty("jwtValidateResults").GetProperty("claims");
        claims.GetProperty("email").GetString().ShouldBe("ann@example.com");
        (claims.GetProperty("exp").GetInt64() - claims.GetProperty("iat").GetInt64()).ShouldBe(120);
        claims.GetProperty("aud")[0].GetString().ShouldBe(app.Audience);
        browser.Cookies.ShouldNotContainKey("auth_token", "a link of an app signs nobody in to the portal");
    }

    [Fact]
    public async Task Opening_the_link_does_not_use_it_up()
    {
        var app = await v2.NewAccountAsync();
        var (link, _) = await app.NewLinkAsync(To("https://app.example.com/"));
        var before = v2.Host.Dump().Entries.Where(entry => entry.Key.StartsWith("link:", StringComparison.Ordinal))
            .Select(entry => entry.Key + entry.Content).Order().ToList();

        for (var i = 0; i < 20; i++)
        {
            (await v2.Host.NewBrowser().SendAsync(i % 2 == 0 ? HttpMethod.Head : HttpMethod.Get, PathOf(link), null)).Status.ShouldBe(200);
            (await v2.Host.NewApiClient().GetAsync(PathOf(link), ("User-Agent", "Microsoft Office Existence Discovery"))).Status
                .ShouldBe(200);
        }

        v2.Host.Dump().Entries.Where(entry => entry.Key.StartsWith("link:", StringComparison.Ordinal))
            .Select(entry => entry.Key + entry.Content).Order().ShouldBe(before);
        var browser = v2.Host.NewBrowser();
        (await SubmitAsync(browser, await browser.GetAsync(PathOf(link)))).Status.ShouldBe(303);
    }

    [Fact]
    public async Task Only_one_of_fifty_concurrent_submissions_succeeds()
    {
        var app = await v2.NewAccountAsync();
        var (_, secret) = await app.NewLinkAsync(To("https://app.example.com/"));

        var answers =
            await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => v2.Host.NewBrowser().PostAsync("/magic-link", ("secret", secret))));

        answers.Count(answer => answer.Status == 303).ShouldBe(1);
        answers.Count(answer => answer.Status == 410).ShouldBe(49);
        answers.Where(answer => answer.Status == 410).ShouldAllBe(answer => answer.Text.Contains(
            "This link no longer works", StringComparison.Ordinal) && !answer.Body.Contains("app.example.com", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_used_link_is_refused()
    {
        var app = await v2.NewAccountAsync();
        var (link, secret) = await app.NewLinkAsync(To("https://app.example.com/"));
        var browser = v2.Host.NewBrowser();
        (await browser.PostAsync("/magic-link", ("secret", secret))).Status.ShouldBe(303);

        var again = await browser.PostAsync("/magic-link", ("secret", secret));
        var page = await browser.GetAsync(PathOf(link));

        (again.Status, again.Location).ShouldBe((410, null));
        page.Status.ShouldBe(410);
        page.Find("form[action='/magic-link']").ShouldBeNull();
        (await v2.Host.NewApiClient().PostAsync("/magic-link", ("secret", secret))).Json.GetProperty("error").GetString()
            .ShouldBe("expired");
    }

    [Theory]
    [InlineData(60)]
    [InlineData(7905600000)]
    public async Task A_link_expires_after_its_lifespan(long lifespan)
    {
        await using var portal = await PortalHost.StartAsync(V2Portal.Setting);
        var app = new V2Client(portal, V2Portal.AdminKey);
        var (link, secret) = await app.NewLinkAsync(To("https://app.example.com/", lifespan));
        portal.Clock.Advance(TimeSpan.FromSeconds(lifespan - 1));
        (await portal.NewBrowser().GetAsync(PathOf(link))).Status.ShouldBe(200);
        portal.Clock.Advance(TimeSpan.FromSeconds(1));

        (await portal.NewBrowser().GetAsync(PathOf(link))).Status.ShouldBe(410);
        (await portal.NewBrowser().PostAsync("/magic-link", ("secret", secret))).Status.ShouldBe(410);
    }

    [Theory]
    [InlineData("")]
    [InlineData("?secret=")]
    [InlineData("?secret=short")]
    [InlineData("?secret=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("?secret=%3Cscript%3Ealert(1)%3C/script%3E")]
    public async Task An_unknown_link_gets_the_same_page_as_an_expired_one(string query)
    {
        var page = await v2.Host.NewBrowser().GetAsync("/magic-link" + query);

        page.Status.ShouldBe(410);
        page.Text.ShouldContain("This link no longer works");
        page.Body.ShouldNotContain("<script>alert");
    }

    [Fact]
    public async Task A_cross_site_submission_is_refused()
    {
        var app = await v2.NewAccountAsync();
        var (_, secret) = await app.NewLinkAsync(To("https://app.example.com/"));
        using var form = new FormUrlEncodedContent([KeyValuePair.Create("secret", secret)]);

        (await v2.Host.NewBrowser().SendAsync(HttpMethod.Post, "/magic-link", form, ("Sec-Fetch-Site", "cross-site"))).Status.ShouldBe(403);
        (await v2.Host.NewBrowser().PostAsync("/magic-link", ("secret", secret))).Status.ShouldBe(303, "and has not consumed it");
    }

    [Fact]
    public async Task The_JWT_replaces_an_existing_value_of_redirectQueryKey()
    {
        var app = await v2.NewAccountAsync();
        var (_, secret) =
            await app.NewLinkAsync(new { redirectURL = "http://localhost:8080/in?token=old&a=b", redirectQueryKey = "token" });

        var gone = await v2.Host.NewBrowser().PostAsync("/magic-link", ("secret", secret));

        gone.Location!.ShouldStartWith("http://localhost:8080/in?a=b&token=ey");
        gone.Location.ShouldNotContain("old");
    }

    [Theory]
    [InlineData("https://a.example/", "jwt", "https://a.example/?jwt=T")]
    [InlineData("https://a.example/?", "jwt", "https://a.example/?jwt=T")]
    [InlineData("https://a.example/?x=1&y=2#f?jwt=z", "jwt", "https://a.example/?x=1&y=2&jwt=T#f?jwt=z")]
    [InlineData("https://a.example/?j%77t=old&x", "jwt", "https://a.example/?x&jwt=T")]
    [InlineData("https://a.example/", "a&b=c#d", "https://a.example/?a%26b%3Dc%23d=T")]
    public void Adds_the_JWT_to_the_query(string url, string key, string expected) =>
        MagicLinkStore.WithQuery(url, key, "T").ShouldBe(expected);

    [Theory]
    [InlineData("https://App.Example.com/in", "app.example.com")]
    [InlineData("http://localhost:8080/", "localhost:8080")]
    [InlineData("https://xn--pple-43d.example/", "xn--pple-43d.example")]
    [InlineData("http://127.0.0.1:8080/", "127.0.0.1:8080")]
    [InlineData("http://[::1]/", "[::1]")]
    [InlineData("https://app.example.com:443@evil.example/", "evil.example")]
    [InlineData("https://[2001:db8::1]:8443/", "[2001:db8::1]:8443")]
    public void Shows_the_actual_host_of_the_target_URL(string url, string host) => new OpenLink(url).Host.ShouldBe(host);

    [Fact]
    public async Task An_account_with_an_allow_list_cannot_redirect_to_other_hosts()
    {
        var app = await v2.NewAccountAsync("app.example.com", "*.apps.example.com");

        (await app.PostAsync("magic-link/create", new { magicLinkCreateParams = To("https://app.example.com/in") })).Status.ShouldBe(201);
        (await app.PostAsync("magic-link/create", new { magicLinkCreateParams = To("https://one.apps.example.com/in") })).Status
            .ShouldBe(201);
        (await app.PostAsync("magic-link/create", new { magicLinkCreateParams = To("https://evil.example:x@app.example.com/ü") }))
            .Status.ShouldBe(201);
        string[] elsewhere =
        [
            "https://evil.example/", "https://app.example.com.evil.example/", "http://app.example.com/", "https://apps.example.com/",
            "https://app.example.com@evil.example/", "https://app.example.com:443@evil.example/",
            "https://app.example.com%2F@evil.example/", "https://äpp.example.com/",
        ];
        foreach (var url in elsewhere)
        {
            var refused = await app.PostAsync("magic-link/create", new { magicLinkCreateParams = To(url) });
            ServiceAccountTests.ShouldBeFailure(refused, 400);
            refused.Json.GetProperty("message").GetString()!.ShouldStartWith("magicLinkCreateParams.redirectURL");
        }
    }

    [Fact]
    public async Task V2_ADMIN_REDIRECTS_restricts_the_administrator_account()
    {
        await using var portal = await PortalHost.StartAsync(V2Portal.Setting, ("V2_ADMIN_REDIRECTS", "app.example.com"));
        var admin = new V2Client(portal, V2Portal.AdminKey);

        (await admin.PostAsync("magic-link/create", new { magicLinkCreateParams = To("https://app.example.com/") })).Status.ShouldBe(201);
        (await admin.PostAsync("magic-link/create", new { magicLinkCreateParams = To("https://evil.example/") })).Status.ShouldBe(400);
    }

    [Fact]
    public async Task Secrets_appear_in_neither_the_store_nor_the_log()
    {
        var app = await v2.NewAccountAsync();
        var (link, secret) = await app.NewLinkAsync(To("https://app.example.com/"));
        await v2.Host.NewBrowser().GetAsync(PathOf(link));

        v2.Host.Dump().Text.ShouldNotContain(secret);
        v2.Host.Log.Text.ShouldNotContain(secret);
    }

    [Theory]
    [InlineData("de", "Weiter zu app.example.com?")]
    [InlineData("fr", "Continuer vers app.example.com")]
    [InlineData("es", "¿Continuar a app.example.com?")]
    [InlineData("zh", "继续前往 app.example.com")]
    public async Task The_page_uses_the_language_from_Accept_Language(string language, string title)
    {
        var app = await v2.NewAccountAsync();
        var (link, _) = await app.NewLinkAsync(To("https://app.example.com/"));

        (await v2.Host.NewBrowser().GetAsync(PathOf(link), ("Accept-Language", language))).Text.ShouldContain(title);
    }
}
