using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.SignIn;

/// <summary>Tests <c>return_to</c>: users are redirected back only to allowed apps.</summary>
public sealed class ReturnToTests(ReturnToTests.Fixture fixture) : IClassFixture<ReturnToTests.Fixture>
{
    private const string App = "https://app.example.com/inbox?page=2&x=%2F";

    private PortalHost Portal => fixture.Portal;

    /// <summary>A portal with two allowed app domains.</summary>
    public sealed class Fixture : IAsyncLifetime
    {
        public PortalHost Portal { get; private set; } = null!;

        public async Task InitializeAsync() =>
            Portal = await PortalHost.StartAsync(("ALLOWED_REDIRECTS", "app.example.com, *.apps.example, localhost"));

        public Task DisposeAsync() => Portal.DisposeAsync().AsTask();
    }

    private static string Path(string target) => "/?return_to=" + Uri.EscapeDataString(target);

    private async Task<Answer> FinishAsync(BrowserClient browser, params (string, string)[] more)
    {
        var email = TestUser.New();
        await browser.PostAsync("/login", [("email", email), .. more]);
        return await browser.PostAsync("/login-otp", ("code", await Portal.CodeForAsync(email)));
    }

    [Fact]
    public async Task Redirects_back_to_the_app_after_signing_in()
    {
        var browser = Portal.NewBrowser();
        var page = await browser.GetAsync(Path(App));
        page.Find("input[type=hidden][name=return_to]")!.GetAttribute("value").ShouldBe(App);

        var done = await FinishAsync(browser, ("return_to", App));

        (done.Status, done.Location).ShouldBe((303, App));
    }

    [Fact]
    public async Task The_target_is_kept_when_the_form_omits_it()
    {
        var browser = Portal.NewBrowser();
        await browser.GetAsync(Path(App));

        (await FinishAsync(browser)).Location.ShouldBe(App);
    }

    [Fact]
    public async Task The_target_is_kept_after_an_invalid_address()
    {
        var browser = Portal.NewBrowser();
        await browser.GetAsync(Path(App));
        var refused = await browser.PostAsync("/login", ("email", "nobody"), ("return_to", App));
        refused.Find("input[name=return_to]")!.GetAttribute("value").ShouldBe(App);

        (await FinishAsync(browser)).Location.ShouldBe(App);
    }

    [Fact]
    public async Task A_target_from_an_earlier_visit_is_cleared()
    {
        var browser = Portal.NewBrowser();
        await browser.GetAsync(Path(App));
        await browser.GetAsync("/");

        (await FinishAsync(browser)).Location.ShouldBe("/");
    }

    [Theory]
    [InlineData("https://evil.example/")]
    [InlineData("//evil.example/")]
    [InlineData("/\\evil.example/")]
    [InlineData("https://app.example.com@evil.example/")]
    [InlineData("https://app.example.com.evil.example/")]
    [InlineData("http://app.example.com/")]
    [InlineData("javascript:alert(1)")]
    [InlineData("https://apps.example/")]
    [InlineData("https://evilapps.example/")]
    public async Task A_disallowed_target_is_ignored(string target)
    {
        var browser = Portal.NewBrowser();
        var page = await browser.GetAsync(Path(target));
        page.Status.ShouldBe(200);
        page.Find("input[name=return_to]").ShouldBeNull();
        browser.Cookies.ShouldNotContainKey("otp_return");

        // The same target in the form field or in the cookie is ignored too.
        browser.Cookies["otp_return"] = target;
        (await FinishAsync(browser, ("return_to", target))).Location.ShouldBe("/");
    }

    [Fact]
    public async Task A_signed_in_user_is_redirected_at_once_to_an_allowed_target()
    {
        var browser = await Portal.SignInAsync(TestUser.New());

        var allowed = await browser.GetAsync(Path(App));
        (allowed.Status, allowed.Location).ShouldBe((303, App));
        var refused = await browser.GetAsync(Path("https://evil.example/"));
        refused.Status.ShouldBe(200);
        refused.Text.ShouldContain("Signed in");
        (await browser.GetAsync(Path("http://localhost:8080/dev"))).Location.ShouldBe("http://localhost:8080/dev", "http for localhost");
        (await browser.GetAsync(Path("https://a.apps.example"))).Location.ShouldBe("https://a.apps.example");
    }

    [Fact]
    public async Task A_duplicate_return_to_does_not_redirect_to_a_disallowed_host()
    {
        var browser = await Portal.SignInAsync(TestUser.New());

        var answer = await browser.GetAsync(Path(App) + "&return_to=https://evil.example/");

        if (answer.Location is { } target) new Uri(target).Host.ShouldBe("app.example.com");
    }

    [Fact]
    public async Task The_CSP_form_action_lists_the_allowed_apps()
    {
        var policy = (await Portal.NewBrowser().GetAsync("/")).Header("Content-Security-Policy").ShouldNotBeNull();

        policy.ShouldContain("form-action 'self' https://app.example.com:* https://*.apps.example:*");
    }

    [Fact]
    public async Task The_CSP_of_the_code_page_allows_https_only_for_sign_ins_with_a_target()
    {
        async Task<string> PolicyAsync(string start)
        {
            var browser = Portal.NewBrowser();
            await browser.GetAsync(start);
            (await browser.PostAsync("/login", ("email", TestUser.New()))).Status.ShouldBe(303);
            return (await browser.GetAsync("/login/code")).Header("Content-Security-Policy").ShouldNotBeNull();
        }

        (await PolicyAsync(Path(App))).ShouldEndWith(" https:");
        (await PolicyAsync("/")).ShouldNotContain(" https:;");
        (await PolicyAsync("/")).ShouldNotEndWith(" https:");
    }
}
