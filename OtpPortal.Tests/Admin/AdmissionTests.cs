using OtpPortal.Configuration;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Admin;

/// <summary>Who gets into the administration, and for how long.</summary>
public sealed class AdmissionTests(PortalHost portal) : IClassFixture<PortalHost>
{
    private static readonly string[] s_pages = ["/admin/accounts", "/admin/audit", "/admin/check"];

    [Fact]
    public async Task The_key_opens_it_for_a_browser_session()
    {
        var browser = portal.NewBrowser();
        (await browser.IsAdmittedAsync()).ShouldBeFalse();

        var answer = await browser.PostAsync("/admin/login", ("key", PortalHost.Secret));

        answer.Header("Cache-Control").ShouldBe("no-store");
        var cookie = answer.Cookie("otp_admin").ShouldNotBeNull();
        cookie.Has("httponly").ShouldBeTrue();
        cookie.Attributes["samesite"].ShouldBe("strict");
        cookie.Attributes["path"].ShouldBe("/");
        cookie.MaxAge.ShouldBeNull("it goes with the window");
        cookie.Has("secure").ShouldBeFalse("the portal is on http here");
        (await browser.IsAdmittedAsync()).ShouldBeTrue();
        portal.Dump().Text.ShouldNotContain(cookie.Value, Case.Sensitive, "a dump of the store opens nothing");
    }

    [Fact]
    public async Task Over_https_the_cookie_is_secure()
    {
        await using var secure = await PortalHost.StartAsync(("PUBLIC_URL", "https://login.example.com"));

        (await secure.NewBrowser().PostAsync("/admin/login", ("key", PortalHost.Secret))).Cookie("otp_admin").ShouldNotBeNull()
            .Has("secure").ShouldBeTrue();
    }

    [Fact]
    public async Task Nobody_else_sees_anything()
    {
        var user = await portal.SignInAsync(Someone.New());

        (await user.IsAdmittedAsync()).ShouldBeFalse("ADMIN_EMAILS is not set");
        foreach (var page in s_pages)
        {
            var answer = await user.GetAsync(page);
            (answer.Status, answer.Location).ShouldBe((303, "/admin"));
            answer.Text.ShouldBeEmpty();
        }
        (await user.GetAsync("/admin/audit.jsonl")).Status.ShouldBe(403);
        foreach (var path in (string[])["/admin/check/message", "/admin/accounts", "/admin/accounts/remove"])
        {
            var post = await user.PostAsync(path, ("email", Someone.New()), ("name", "Mine"), ("id", Guid.NewGuid().ToString()));
            (post.Status, post.Location).ShouldBe((303, "/admin"));
        }
    }

    [Fact]
    public async Task Signed_in_administrators_need_no_key()
    {
        var boss = Someone.New();
        await using var own = await PortalHost.StartAsync(("ADMIN_EMAILS", $"{boss.ToUpperInvariant()}, other@example.com"));
        var browser = await own.SignInAsync(boss);

        (await browser.IsAdmittedAsync()).ShouldBeTrue();
        (await (await own.SignInAsync(Someone.New())).IsAdmittedAsync()).ShouldBeFalse();
        (await own.NewBrowser().IsAdmittedAsync()).ShouldBeFalse();

        await browser.PostAsync("/logout");
        (await browser.IsAdmittedAsync()).ShouldBeFalse();
    }

    [Fact]
    public async Task A_wrong_key_is_told_so_and_not_shown_again()
    {
        var answer = await portal.NewBrowser().PostAsync("/admin/login", ("key", "not-the-key"));

        answer.Status.ShouldBe(403);
        answer.FieldError.ShouldBe("Incorrect secret key.");
        answer.Cookie("otp_admin").ShouldBeNull();
        answer.Body.ShouldNotContain("not-the-key");
        portal.Log.Text.ShouldNotContain("not-the-key");
    }

    [Fact]
    public async Task An_empty_key_costs_no_try() =>
        (await portal.NewBrowser().PostAsync("/admin/login", ("key", ""))).Status.ShouldBe(400);

    [Fact]
    public async Task After_ten_wrong_keys_not_even_the_right_one_counts_for_a_while()
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
        (await portal.NewBrowser().PostAsync("/admin/login", ("key", PortalHost.Secret))).Status.ShouldBe(303, "others are not concerned");

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
    public async Task Another_sites_forms_are_refused(string path, string header, string value)
    {
        var browser = await portal.OpenAdministrationAsync();
        browser.Headers[header] = value;

        (await browser.PostAsync(path, ("key", PortalHost.Secret), ("email", Someone.New()))).Status.ShouldBe(403);

        browser.Headers.Remove(header);
        (await browser.IsAdmittedAsync()).ShouldBeTrue("nothing has changed");
    }

    [Fact]
    public async Task Leaving_ends_it_for_whoever_copied_the_cookie()
    {
        var browser = await portal.OpenAdministrationAsync();
        var copy = portal.NewBrowser();
        copy.Cookies["otp_admin"] = browser.Cookies["otp_admin"];
        (await copy.IsAdmittedAsync()).ShouldBeTrue();

        var answer = await browser.PostAsync("/admin/logout");

        (answer.Status, answer.Location).ShouldBe((303, "/admin"));
        answer.Cookie("otp_admin").ShouldNotBeNull().IsRemoval.ShouldBeTrue();
        (await copy.IsAdmittedAsync()).ShouldBeFalse();
    }

    [Fact]
    public async Task Giving_the_key_again_ends_the_session_before()
    {
        var browser = await portal.OpenAdministrationAsync();
        var before = portal.NewBrowser();
        before.Cookies["otp_admin"] = browser.Cookies["otp_admin"];

        await browser.PostAsync("/admin/login", ("key", PortalHost.Secret));

        (await browser.IsAdmittedAsync()).ShouldBeTrue();
        (await before.IsAdmittedAsync()).ShouldBeFalse();
    }

    [Fact]
    public async Task A_quarter_of_an_hour_without_use_ends_it()
    {
        var browser = await portal.OpenAdministrationAsync();
        portal.Clock.Advance(TimeSpan.FromMinutes(15) - TimeSpan.FromSeconds(1));
        (await browser.IsAdmittedAsync()).ShouldBeTrue();
        portal.Clock.Advance(TimeSpan.FromMinutes(15) - TimeSpan.FromSeconds(1));
        (await browser.IsAdmittedAsync()).ShouldBeTrue("using it slides");

        portal.Clock.Advance(TimeSpan.FromMinutes(15));
        (await browser.IsAdmittedAsync()).ShouldBeFalse();
    }

    [Fact]
    public async Task Eight_hours_end_it_whatever_the_use()
    {
        var browser = await portal.OpenAdministrationAsync();
        for (var i = 0; i < 47; i++)
        {
            portal.Clock.Advance(TimeSpan.FromMinutes(10));
            (await browser.IsAdmittedAsync()).ShouldBeTrue();
        }

        portal.Clock.Advance(TimeSpan.FromMinutes(10));
        (await browser.IsAdmittedAsync()).ShouldBeFalse();
    }

    [Fact]
    public async Task A_new_key_ends_what_the_old_one_opened()
    {
        var browser = await portal.OpenAdministrationAsync();
        await using var replica = await portal.StartReplicaAsync(("AUTH_SECRET_KEY", "another-secret-0123456789"));
        var there = replica.NewBrowser();
        there.Cookies["otp_admin"] = browser.Cookies["otp_admin"];

        (await there.IsAdmittedAsync()).ShouldBeFalse();
    }

    [Theory]
    [InlineData("x")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("%00%0d%0a")]
    public async Task A_made_up_cookie_opens_nothing(string cookie)
    {
        var browser = portal.NewBrowser();
        browser.Cookies["otp_admin"] = cookie;

        (await browser.IsAdmittedAsync()).ShouldBeFalse();
    }

    [Theory]
    [InlineData("*@example.com")]
    [InlineData("ann")]
    [InlineData("ann@example.com, bob@")]
    public void Mistyped_administrators_stop_the_start(string emails)
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
