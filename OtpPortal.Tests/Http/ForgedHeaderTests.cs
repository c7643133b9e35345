using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Http;

/// <summary>Forged request headers are ignored.</summary>
public sealed class ForgedHeaderTests(PortalHost portal) : IClassFixture<PortalHost>
{
    [Fact]
    public async Task A_forged_Host_header_does_not_affect_mails_links_or_cookies()
    {
        var (browser, email) = (portal.NewBrowser(), TestUser.New());
        browser.Headers["Host"] = "evil.example";
        browser.Headers["X-Forwarded-Host"] = "evil.example";
        browser.Headers["Forwarded"] = "host=evil.example";

        var begun = await browser.PostAsync("/login", ("email", email));
        var page = await browser.GetAsync("/login/code");
        await portal.CodeForAsync(email);

        begun.Location.ShouldBe("/login/code");
        begun.Header("Set-Cookie")!.ShouldNotContain("evil");
        page.Body.ShouldNotContain("evil.example");
        var mail = (await portal.NewApiClient().GetAsync("/dev/mailbox.json")).Json.EnumerateArray()
            .First(m => m.GetProperty("to").GetString() == email);
        mail.GetRawText().ShouldNotContain("evil.example");
        mail.GetProperty("text").GetString()!.ShouldContain(portal.Address.GetLeftPart(UriPartial.Authority));
    }

    [Fact]
    public async Task X_Forwarded_For_is_ignored_without_trusted_proxies()
    {
        var browser = portal.NewBrowser();
        browser.Headers["X-Forwarded-For"] = "203.0.113.7";
        await portal.SignInAsync(TestUser.New(), browser);

        var page = await browser.GetAsync("/");

        page.Text.ShouldContain(browser.Source.ToString());
        page.Text.ShouldNotContain("203.0.113.7");
    }

    [Fact]
    public async Task X_Forwarded_For_of_a_trusted_proxy_is_shown_in_the_session_list()
    {
        await using var behind = await PortalHost.StartAsync(("TRUSTED_PROXIES", "127.0.0.1/32, 127.0.0.0/8"));
        var browser = behind.NewBrowser();
        browser.Headers["X-Forwarded-For"] = "203.0.113.7";
        await behind.SignInAsync(TestUser.New(), browser);

        (await browser.GetAsync("/")).Text.ShouldContain("203.0.113.7");
    }

    [Fact]
    public async Task X_Forwarded_For_of_an_untrusted_proxy_is_ignored()
    {
        await using var behind = await PortalHost.StartAsync(("TRUSTED_PROXIES", "10.0.0.0/8"));
        var browser = behind.NewBrowser();
        browser.Headers["X-Forwarded-For"] = "203.0.113.7";
        await behind.SignInAsync(TestUser.New(), browser);

        (await browser.GetAsync("/")).Text.ShouldNotContain("203.0.113.7");
    }

    [Theory]
    [InlineData("Remote-User")]
    [InlineData("Remote-Email")]
    [InlineData("X-Auth-Request-Email")]
    [InlineData("X-Forwarded-User")]
    public async Task Forged_identity_headers_are_ignored(string header)
    {
        var browser = portal.NewBrowser();
        browser.Headers[header] = "admin@example.com";

        (await browser.GetAsync("/")).Find("form[action='/login']").ShouldNotBeNull();
        (await browser.GetAsync("/check-auth")).Status.ShouldBe(403);
    }
}
