using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.SignIn;

/// <summary>Tests the page of a signed-in user and the sign-out endpoints.</summary>
public sealed class SignedInTests(PortalHost portal) : IClassFixture<PortalHost>
{
    private const string Firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    private const string Safari =
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 "
            + "Safari/604.1";

    private BrowserClient NewBrowserWith(string userAgent)
    {
        var browser = portal.NewBrowser();
        browser.Headers["User-Agent"] = userAgent;
        return browser;
    }

    [Fact]
    public async Task Lists_the_devices_of_the_user()
    {
        var email = TestUser.New();
        var phone = await portal.SignInAsync(email, NewBrowserWith(Safari));
        portal.Clock.Advance(TimeSpan.FromMinutes(125));
        var laptop = await portal.SignInAsync(email, NewBrowserWith(Firefox));
        await portal.SignInAsync(TestUser.New());

        var page = await laptop.GetAsync("/");

        page.Header("Cache-Control").ShouldNotBeNull().ShouldContain("no-store");
        page.Text.ShouldContain($"Signed in {email}");
        var sessions = page.Page.QuerySelectorAll(".portal-sessions li")
            .Select(item => string.Join(' ', item.TextContent.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))).ToList();
        sessions.Count.ShouldBe(2);
        sessions[0].ShouldContain("Firefox on Linux");
        sessions[0].ShouldContain("This device");
        sessions[0].ShouldContain(laptop.Source.ToString());
        sessions[1].ShouldContain("Safari on iPhone");
        sessions[1].ShouldContain("Signed in 2 hours ago, last active 2 hours ago");
        page.Page.QuerySelectorAll(".portal-sessions time[data-local]").Select(time => DateTimeOffset.Parse(
                time.GetAttribute("datetime")!, System.Globalization.CultureInfo.InvariantCulture).Offset)
            .ShouldAllBe(offset => offset == TimeSpan.Zero, "the browser shows its own time zone");
        sessions[1].ShouldContain(phone.Source.ToString());
        sessions[1].ShouldNotContain("This device");
        page.Find("form[action='/logout']").ShouldNotBeNull();
        page.Find("form[action='/logout/others']").ShouldNotBeNull();
        page.Find("form[action='/logout/everywhere']").ShouldNotBeNull();
    }

    [Fact]
    public async Task A_hostile_user_agent_is_HTML_encoded()
    {
        var browser = await portal.SignInAsync(TestUser.New(), NewBrowserWith("<script>alert(1)</script> " + new string('x', 3000)));

        var page = await browser.GetAsync("/");

        page.Body.ShouldNotContain("<script>alert");
        page.Text.ShouldContain("Unknown device");
    }

    [Fact]
    public async Task Signing_out_revokes_the_token_and_removes_the_cookie()
    {
        var browser = await portal.SignInAsync(TestUser.New());
        var token = browser.Cookies["auth_token"];

        var answer = await browser.PostAsync("/logout");

        (answer.Status, answer.Location).ShouldBe((303, "/"));
        answer.Cookie("auth_token").ShouldNotBeNull().IsRemoval.ShouldBeTrue();
        (await portal.NewApiClient().GetAsync("/check-auth", ("Authorization", $"Bearer {token}"))).Status.ShouldBe(403);
        (await browser.GetAsync("/")).Find("form[action='/login']").ShouldNotBeNull();
    }

    [Fact]
    public async Task Signing_out_without_a_session_redirects_to_the_start_page()
    {
        var answer = await portal.NewBrowser().PostAsync("/logout");

        (answer.Status, answer.Location).ShouldBe((303, "/"));
    }

    [Fact]
    public async Task A_GET_request_does_not_sign_out() =>
        (await (await portal.SignInAsync(TestUser.New())).GetAsync("/logout")).Status.ShouldBeOneOf(404, 405);

    [Fact]
    public async Task Signing_out_other_devices_keeps_this_session_and_those_of_other_users()
    {
        var email = TestUser.New();
        var here = await portal.SignInAsync(email);
        var there = await portal.SignInAsync(email);
        var somebody = await portal.SignInAsync(TestUser.New());

        var answer = await here.PostAsync("/logout/others");

        (answer.Status, answer.Location).ShouldBe((303, "/"));
        (await here.GetAsync("/check-auth")).Status.ShouldBe(200);
        (await there.GetAsync("/check-auth")).Status.ShouldBe(403);
        (await somebody.GetAsync("/check-auth")).Status.ShouldBe(200);
        (await here.GetAsync("/")).Find("form[action='/logout/others']").ShouldBeNull("there is nothing left to revoke");
    }

    [Fact]
    public async Task A_user_signs_out_one_other_device()
    {
        var email = TestUser.New();
        var phone = await portal.SignInAsync(email, NewBrowserWith(Safari));
        var tablet = await portal.SignInAsync(email, NewBrowserWith(Safari));
        var laptop = await portal.SignInAsync(email, NewBrowserWith(Firefox));
        var page = await laptop.GetAsync("/");
        var forms = page.Page.QuerySelectorAll("form[action='/logout/session']");
        forms.Length.ShouldBe(2, "the device in use has its own button");
        var id = forms[0].QuerySelector("input[name=id]")!.GetAttribute("value")!;

        var answer = await laptop.PostAsync("/logout/session", ("id", id));

        (answer.Status, answer.Location).ShouldBe((303, "/"));
        (await laptop.GetAsync("/check-auth")).Status.ShouldBe(200);
        var left = new[] { (await phone.GetAsync("/check-auth")).Status, (await tablet.GetAsync("/check-auth")).Status };
        left.Order().ShouldBe([200, 403]);
    }

    [Fact]
    public async Task Nobody_signs_out_the_device_of_another_user()
    {
        var (ann, ben) = (await portal.SignInAsync(TestUser.New()), await portal.SignInAsync(TestUser.New()));
        var id = ann.Cookies["auth_token"][..10];

        foreach (var answer in new[]
        {
            await ben.PostAsync("/logout/session", ("id", id)),
            await ben.PostAsync("/logout/session", ("id", "no such id")),
            await ben.PostAsync("/logout/session"),
            await portal.NewBrowser().PostAsync("/logout/session", ("id", id)),
        })
        {
            (answer.Status, answer.Location).ShouldBe((303, "/"));
        }
        (await ann.GetAsync("/check-auth")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Signing_out_everywhere_revokes_all_sessions_of_this_user_only()
    {
        var email = TestUser.New();
        var here = await portal.SignInAsync(email);
        var there = await portal.SignInAsync(email);
        var somebody = await portal.SignInAsync(TestUser.New());
        var token = here.Cookies["auth_token"];

        var answer = await here.PostAsync("/logout/everywhere");

        (answer.Status, answer.Location).ShouldBe((303, "/"));
        answer.Cookie("auth_token").ShouldNotBeNull().IsRemoval.ShouldBeTrue();
        answer.Header("Clear-Site-Data").ShouldBe("\"cache\"");
        (await portal.NewApiClient().GetAsync("/check-auth", ("Authorization", $"Bearer {token}"))).Status.ShouldBe(403);
        (await there.GetAsync("/check-auth")).Status.ShouldBe(403);
        (await somebody.GetAsync("/check-auth")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_single_session_shows_one_sign_out_button()
    {
        var browser = await portal.SignInAsync(TestUser.New());

        var page = await browser.GetAsync("/");

        page.Page.QuerySelectorAll("form[action^='/logout']").Length.ShouldBe(1);
    }

    [Theory]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("nonsense")]
    [InlineData("%00%0d%0a")]
    public async Task The_cookie_of_an_invalid_token_is_removed(string token)
    {
        var browser = portal.NewBrowser();
        browser.Cookies["auth_token"] = token;

        var answer = await browser.GetAsync("/");

        answer.Status.ShouldBe(200);
        answer.Cookie("auth_token").ShouldNotBeNull().IsRemoval.ShouldBeTrue();
        answer.Find("form[action='/login']").ShouldNotBeNull();
    }

    [Fact]
    public async Task A_session_expires_after_a_week_without_use()
    {
        var browser = await portal.SignInAsync(TestUser.New());
        portal.Clock.Advance(TimeSpan.FromDays(7));

        var answer = await browser.GetAsync("/");

        answer.Find("form[action='/login']").ShouldNotBeNull();
        answer.Cookie("auth_token").ShouldNotBeNull().IsRemoval.ShouldBeTrue();
    }

    [Fact]
    public async Task Visiting_the_page_extends_the_session_up_to_30_days()
    {
        var browser = await portal.SignInAsync(TestUser.New());
        for (var day = 6; day < 30; day += 6)
        {
            portal.Clock.Advance(TimeSpan.FromDays(6));
            (await browser.GetAsync("/")).Text.ShouldContain("Signed in");
        }

        portal.Clock.Advance(TimeSpan.FromDays(6));

        (await browser.GetAsync("/")).Find("form[action='/login']").ShouldNotBeNull();
    }
}
