using OtpPortal.Configuration;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Admin;

/// <summary>Admin sign-in, access control and session lifetime.</summary>
public sealed class AdminSignInTests(PortalHost portal) : IClassFixture<PortalHost>
{
    private static readonly string[] s_pages = ["/admin/sessions", "/admin/user", "/admin/accounts", "/admin/audit", "/admin/check"];

    [Fact]
    public async Task The_secret_key_opens_an_admin_session_for_the_browser_session()
    {
        var browser = portal.NewBrowser();
        (await browser.HasAccessAsync()).ShouldBeFalse();

        var answer = await browser.PostAsync("/admin/login", ("key", PortalHost.Secret));

        answer.Header("Cache-Control").ShouldBe("no-store");
        var cookie = answer.Cookie("otp_admin").ShouldNotBeNull();
        cookie.Has("httponly").ShouldBeTrue();
        cookie.Attributes["samesite"].ShouldBe("strict");
        cookie.Attributes["path"].ShouldBe("/");
        cookie.MaxAge.ShouldBeNull("it expires with the window");
        cookie.Has("secure").ShouldBeFalse("the portal uses http in this test");
        (await browser.HasAccessAsync()).ShouldBeTrue();
        portal.Dump().Text.ShouldNotContain(cookie.Value, Case.Sensitive, "a dump of the store gives no access");
    }

    [Fact]
    public async Task The_admin_cookie_is_secure_over_https()
    {
        await using var secure = await PortalHost.StartAsync(("PUBLIC_URL", "https://login.example.com"));

        (await secure.NewBrowser().PostAsync("/admin/login", ("key", PortalHost.Secret))).Cookie("otp_admin").ShouldNotBeNull()
            .Has("secure").ShouldBeTrue();
    }

    [Fact]
    public async Task A_user_who_is_not_an_administrator_is_denied_access()
    {
        var user = await portal.SignInAsync(TestUser.New());

        (await user.HasAccessAsync()).ShouldBeFalse("ADMIN_EMAILS is not set");
        foreach (var page in s_pages)
        {
            var answer = await user.GetAsync(page);
            (answer.Status, answer.Location).ShouldBe((303, "/admin"));
            answer.Text.ShouldBeEmpty();
        }
        (await user.GetAsync("/admin/audit.jsonl")).Status.ShouldBe(403);
        foreach (var path in (string[])["/admin/check/message", "/admin/accounts", "/admin/accounts/remove", "/admin/user/revoke"])
        {
            var post = await user.PostAsync(path, ("email", TestUser.New()), ("name", "Mine"), ("id", Guid.NewGuid().ToString()));
            (post.Status, post.Location).ShouldBe((303, "/admin"));
        }
    }

    [Fact]
    public async Task An_administrator_signed_in_by_email_needs_no_key()
    {
        var boss = TestUser.New();
        await using var own = await PortalHost.StartAsync(("ADMIN_EMAILS", $"{boss.ToUpperInvariant()}, other@example.com"));
        var browser = await own.SignInAsync(boss);

        (await browser.HasAccessAsync()).ShouldBeTrue();
        (await (await own.SignInAsync(TestUser.New())).HasAccessAsync()).ShouldBeFalse();
        (await own.NewBrowser().HasAccessAsync()).ShouldBeFalse();

        await browser.PostAsync("/logout");
        (await browser.HasAccessAsync()).ShouldBeFalse();
    }

    [Fact]
    public async Task A_wrong_key_is_rejected_and_never_echoed_or_logged()
    {
        var answer = await portal.NewBrowser().PostAsync("/admin/login", ("key", "not-the-key"));

        answer.Status.ShouldBe(403);
        answer.FieldError.ShouldBe("Incorrect secret key.");
        answer.Cookie("otp_admin").ShouldBeNull();
        answer.Body.ShouldNotContain("not-the-key");
        portal.Log.Text.ShouldNotContain("not-the-key");
    }

    [Fact]
    public async Task An_empty_key_does_not_count_as_an_attempt() =>
        (await portal.NewBrowser().PostAsync("/admin/login", ("key", ""))).Status.ShouldBe(400);

    [Fact]
    public async Task After_ten_wrong_keys_even_the_right_key_is_rate_limited()
    {
        var browser = portal.NewBrowser();
        for (var i = 0; i < 10; i++) (await browser.PostAsync("/admin/login", ("key", $"wrong {i}"))).Status.ShouldBe(403);
        portal.Clock.Advance(TimeSpan.FromSeconds(100));

        foreach (var key in (string[])["wrong again", PortalHost.Secret])
        {
            var answer = await browser.PostAsync("/admin/login", ("key", key));
            answer.Status.ShouldBe(429);
            answer.RetryAfter.ShouldBe(200);
            answer.FieldError.ShouldBe("Too many incorrect keys from your network. Try again in 4 minutes.");
            answer.Cookie("otp_admin").ShouldBeNull();
        }
        (await portal.NewBrowser().PostAsync("/admin/login", ("key", PortalHost.Secret)))
            .Status.ShouldBe(303, "other callers are not affected");

        portal.Clock.Advance(TimeSpan.FromSeconds(200));
        (await browser.PostAsync("/admin/login", ("key", PortalHost.Secret))).Status.ShouldBe(303);
    }

    [Theory]
    [InlineData("/admin/login", "Sec-Fetch-Site", "cross-site")]
    [InlineData("/admin/login", "Origin", "https://evil.example")]
    [InlineData("/admin/logout", "Sec-Fetch-Site", "same-site")]
    [InlineData("/admin/check/message", "Origin", "null")]
    [InlineData("/admin/accounts", "Sec-Fetch-Site", "cross-site")]
    [InlineData("/admin/accounts/remove", "Origin", "https://evil.example")]
    [InlineData("/admin/user/revoke", "Sec-Fetch-Site", "cross-site")]
    public async Task Cross_site_form_posts_are_refused(string path, string header, string value)
    {
        var browser = await portal.OpenAdministrationAsync();
        browser.Headers[header] = value;

        (await browser.PostAsync(path, ("key", PortalHost.Secret), ("email", TestUser.New()))).Status.ShouldBe(403);

        browser.Headers.Remove(header);
        (await browser.HasAccessAsync()).ShouldBeTrue("nothing has changed");
    }

    [Fact]
    public async Task Signing_out_revokes_the_session_for_a_copied_cookie_too()
    {
        var browser = await portal.OpenAdministrationAsync();
        var copy = portal.NewBrowser();
        copy.Cookies["otp_admin"] = browser.Cookies["otp_admin"];
        (await copy.HasAccessAsync()).ShouldBeTrue();

        var answer = await browser.PostAsync("/admin/logout");

        (answer.Status, answer.Location).ShouldBe((303, "/admin"));
        answer.Cookie("otp_admin").ShouldNotBeNull().IsRemoval.ShouldBeTrue();
        (await copy.HasAccessAsync()).ShouldBeFalse();
    }

    [Fact]
    public async Task Signing_in_again_revokes_the_previous_admin_session()
    {
        var browser = await portal.OpenAdministrationAsync();
        var before = portal.NewBrowser();
        before.Cookies["otp_admin"] = browser.Cookies["otp_admin"];

        await browser.PostAsync("/admin/login", ("key", PortalHost.Secret));

        (await browser.HasAccessAsync()).ShouldBeTrue();
        (await before.HasAccessAsync()).ShouldBeFalse();
    }

    [Fact]
    public async Task An_admin_session_expires_after_15_minutes_of_inactivity()
    {
        var browser = await portal.OpenAdministrationAsync();
        portal.Clock.Advance(TimeSpan.FromMinutes(15) - TimeSpan.FromSeconds(1));
        (await browser.HasAccessAsync()).ShouldBeTrue();
        portal.Clock.Advance(TimeSpan.FromMinutes(15) - TimeSpan.FromSeconds(1));
        (await browser.HasAccessAsync()).ShouldBeTrue("using it slides");

        portal.Clock.Advance(TimeSpan.FromMinutes(15));
        (await browser.HasAccessAsync()).ShouldBeFalse();
    }

    [Fact]
    public async Task An_admin_session_expires_after_8_hours_even_when_active()
    {
        var browser = await portal.OpenAdministrationAsync();
        for (var i = 0; i < 47; i++)
        {
            portal.Clock.Advance(TimeSpan.FromMinutes(10));
            (await browser.HasAccessAsync()).ShouldBeTrue();
        }

        portal.Clock.Advance(TimeSpan.FromMinutes(10));
        (await browser.HasAccessAsync()).ShouldBeFalse();
    }

    [Fact]
    public async Task Changing_the_secret_key_invalidates_admin_sessions()
    {
        var browser = await portal.OpenAdministrationAsync();
        await using var replica = await portal.StartReplicaAsync(("AUTH_SECRET_KEY", "another-secret-0123456789"));
        var there = replica.NewBrowser();
        there.Cookies["otp_admin"] = browser.Cookies["otp_admin"];

        (await there.HasAccessAsync()).ShouldBeFalse();
    }

    [Theory]
    [InlineData("x")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("%00%0d%0a")]
    public async Task A_forged_cookie_is_refused(string cookie)
    {
        var browser = portal.NewBrowser();
        browser.Cookies["otp_admin"] = cookie;

        (await browser.HasAccessAsync()).ShouldBeFalse();
    }

    [Theory]
    [InlineData("*@example.com")]
    [InlineData("ann")]
    [InlineData("ann@example.com, bob@")]
    public void Invalid_ADMIN_EMAILS_prevent_startup(string emails)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["AUTH_SECRET_KEY"] = PortalHost.Secret,
            ["ADMIN_EMAILS"] = emails,
        };

        var refusal = Should.Throw<SettingsException>(() => AllSettings.Read(values, isProduction: false));

        refusal.Errors.ShouldHaveSingleItem().ShouldContain("ADMIN_EMAILS");
    }
}
