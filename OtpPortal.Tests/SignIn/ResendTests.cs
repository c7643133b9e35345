using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.SignIn;

/// <summary>Tests <c>POST /login/resend</c>.</summary>
public sealed class ResendTests(PortalHost portal) : IClassFixture<PortalHost>
{
    private async Task<(BrowserClient Browser, string Email)> BeginAsync()
    {
        var (browser, email) = (portal.NewApiClient(), TestUser.New());
        await browser.PostAsync("/login", ("email", email));
        return (browser, email);
    }

    [Fact]
    public async Task A_code_can_be_resent_after_the_cooldown()
    {
        var (browser, email) = await BeginAsync();

        var early = await browser.PostAsync("/login/resend");
        early.Status.ShouldBe(429);
        early.RetryAfter.ShouldBe(30);
        early.Json.GetProperty("error").GetString().ShouldBe("too_many_requests");

        portal.Clock.Advance(TimeSpan.FromSeconds(30));
        var answer = await browser.PostAsync("/login/resend");
        answer.Status.ShouldBe(202);
        answer.Body.ShouldBe($$"""{"flow":"{{browser.Cookies["otp_flow"]}}","expires_in":270,"resend_in":30}""",
            "the deadline is that of the first code");
        (await portal.CodesForAsync(email, 2)).Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_resend_within_the_cooldown_shows_the_remaining_wait()
    {
        var (browser, email) = await BeginAsync();
        browser.Headers["Accept"] = "text/html";
        portal.Clock.Advance(TimeSpan.FromSeconds(10));

        var answer = await browser.PostAsync("/login/resend");

        answer.Status.ShouldBe(429);
        answer.RetryAfter.ShouldBe(20);
        answer.FieldError.ShouldBe("Wait 20 seconds before requesting another code. Nothing was sent.");
        answer.Find("form[action='/login-otp']").ShouldNotBeNull("the first code can still be entered");
        (await portal.CodesAsync(email)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Both_the_first_and_the_resent_code_are_accepted()
    {
        foreach (var which in (int[])[0, 1])
        {
            var (browser, email) = await BeginAsync();
            portal.Clock.Advance(TimeSpan.FromSeconds(31));
            browser.Headers["Accept"] = "text/html";
            var again = await browser.PostAsync("/login/resend");
            (again.Status, again.Location).ShouldBe((303, "/login/code"));
            var codes = await portal.CodesForAsync(email, 2);

            (await browser.PostAsync("/login-otp", ("code", codes[which]))).Location.ShouldBe("/");
            browser.Cookies.ShouldContainKey("auth_token");
        }
    }

    [Fact]
    public async Task All_codes_of_a_sign_in_share_the_attempts()
    {
        var (browser, _) = await BeginAsync();
        for (var i = 0; i < 3; i++) await browser.PostAsync("/login-otp", ("code", "000000"));
        portal.Clock.Advance(TimeSpan.FromSeconds(30));
        await browser.PostAsync("/login/resend");

        (await browser.PostAsync("/login-otp", ("code", "000000"))).Json.GetProperty("attempts_left").GetInt32().ShouldBe(1);
    }

    [Fact]
    public async Task At_most_three_codes_are_sent_per_sign_in()
    {
        var (browser, email) = await BeginAsync();
        foreach (var _ in (int[])[2, 3])
        {
            portal.Clock.Advance(TimeSpan.FromSeconds(30));
            (await browser.PostAsync("/login/resend")).Status.ShouldBe(202);
        }
        portal.Clock.Advance(TimeSpan.FromSeconds(30));

        var fourth = await browser.PostAsync("/login/resend");

        fourth.Status.ShouldBe(429);
        fourth.RetryAfter.ShouldBe(300 - 90);
        var codes = await portal.CodesForAsync(email, 3);
        codes.Count.ShouldBe(3);
        browser.Headers["Accept"] = "text/html";
        var page = await browser.GetAsync("/login/code");
        page.Text.ShouldContain("No more codes can be sent");
        page.Find("form[action='/login/resend']").ShouldBeNull();
        (await browser.PostAsync("/login-otp", ("code", codes[0]))).Location.ShouldBe("/");
    }

    [Fact]
    public async Task A_resend_after_expiry_is_refused()
    {
        var (browser, email) = await BeginAsync();
        portal.Clock.Advance(TimeSpan.FromSeconds(300));

        var answer = await browser.PostAsync("/login/resend");

        answer.Status.ShouldBe(410);
        answer.Json.GetProperty("error").GetString().ShouldBe("expired");
        (await portal.CodesAsync(email)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_resend_without_a_sign_in_is_refused()
    {
        (await portal.NewApiClient().PostAsync("/login/resend")).Status.ShouldBe(410);
        var form = await portal.NewBrowser().PostAsync("/login/resend");
        (form.Status, form.Location).ShouldBe((303, "/login/code"));
    }

    [Fact]
    public async Task A_resend_after_five_wrong_codes_is_refused()
    {
        var (browser, email) = await BeginAsync();
        for (var i = 0; i < 5; i++) await browser.PostAsync("/login-otp", ("code", "000000"));
        portal.Clock.Advance(TimeSpan.FromSeconds(30));

        (await browser.PostAsync("/login/resend")).Status.ShouldBe(410);
        (await portal.CodesAsync(email)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Concurrent_resend_requests_send_one_code()
    {
        var (browser, email) = await BeginAsync();
        portal.Clock.Advance(TimeSpan.FromSeconds(30));

        var answers = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => browser.PostAsync("/login/resend")));

        answers.Count(answer => answer.Status == 202).ShouldBe(1);
        answers.Count(answer => answer.Status == 429).ShouldBe(2);
        (await portal.CodesForAsync(email, 2)).Count.ShouldBe(2);
    }
}
