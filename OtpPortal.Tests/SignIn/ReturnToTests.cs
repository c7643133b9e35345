using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.SignIn;

/// <summary><c>return_to</c>: users come back to the app that sent them, and to nobody else.</summary>
public sealed class ReturnToTests(ReturnToTests.Fixture fixture) : IClassFixture<ReturnToTests.Fixture>
{
    private const string App = "https://app.example.com/inbox?page=2&x=%2F";

    private PortalHost Portal => fixture.Portal;

    /// <summary>A portal that knows two apps.</summary>
    public sealed class Fixture : IAsyncLifetime
    {
        public PortalHost Portal { get; private set; } = null!;

        public async Task InitializeAsync() =>
            Portal = await PortalHost.StartAsync(("ALLOWED_REDIRECTS", "app.example.com, *.apps.example, localhost"));

        public Task DisposeAsync() => Portal.DisposeAsync().AsTask();
    }

    private static string Path(string target) => "/?return_to=" + Uri.EscapeDataString(target);

    private async Task<Answer> FinishAsync(Browserlike browser, params (string, string)[] more)
    {
        var email = Someone.New();
        await browser.PostAsync("/login", [("email", email), .. more]);
        return await browser.PostAsync("/login-otp", ("code", await Portal.CodeForAsync(email)));
    }

    [Fact]
    public async Task After_signing_in_the_user_is_back_in_the_app()
    {
        var browser = Portal.NewBrowser();
        var page = await browser.GetAsync(Path(App));
        page.Find("input[type=hidden][name=return_to]")!.GetAttribute("value").ShouldBe(App);

        var done = await FinishAsync(browser, ("return_to", App));

        (done.Status, done.Location).ShouldBe((303, App));
    }

    [Fact]
    public async Task The_target_is_kept_even_when_the_form_leaves_it_out()
    {
        var browser = Portal.NewBrowser();
        await browser.GetAsync(Path(App));

        (await FinishAsync(browser)).Location.ShouldBe(App);
    }

    [Fact]
    public async Task The_target_survives_a_refused_address()
    {
        var browser = Portal.NewBrowser();
        await browser.GetAsync(Path(App));
        var refused = await browser.PostAsync("/login", ("email", "nobody"), ("return_to", App));
        refused.Find("input[name=return_to]")!.GetAttribute("value").ShouldBe(App);

        (await FinishAsync(browser)).Location.ShouldBe(App);
    }

    [Fact]
    public async Task A_target_of_an_earlier_visit_is_forgotten()
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
    public async Task A_target_that_is_not_allowed_is_ignored(string target)
    {
        var browser = Portal.NewBrowser();
        var page = await browser.GetAsync(Path(target));
        page.Status.ShouldBe(200);
        page.Find("input[name=return_to]").ShouldBeNull();
        browser.Cookies.ShouldNotContainKey("otp_return");

        // And so is one that another client put into the form or the cookie.
        browser.Cookies["otp_return"] = target;
        (await FinishAsync(browser, ("return_to", target))).Location.ShouldBe("/");
    }

    [Fact]
    public async Task Who_is_signed_in_is_sent_on_at_once_where_that_is_allowed()
    {
        var browser = await Portal.SignInAsync(Someone.New());

        var allowed = await browser.GetAsync(Path(App));
        (allowed.Status, allowed.Location).ShouldBe((303, App));
        var refused = await browser.GetAsync(Path("https://evil.example/"));
        refused.Status.ShouldBe(200);
        refused.Text.ShouldContain("Signed in");
        (await browser.GetAsync(Path("http://localhost:8080/dev"))).Location.ShouldBe("http://localhost:8080/dev", "http for localhost");
        (await browser.GetAsync(Path("https://a.apps.example"))).Location.ShouldBe("https://a.apps.example");
    }

    [Fact]
    public async Task A_request_with_the_target_twice_goes_nowhere_strange()
    {
        var browser = await Portal.SignInAsync(Someone.New());

        var answer = await browser.GetAsync(Path(App) + "&return_to=https://evil.example/");

        if (answer.Location is { } target) new Uri(target).Host.ShouldBe("app.example.com");
    }

    [Fact]
    public async Task The_policy_lets_forms_lead_to_the_apps()
    {
        var policy = (await Portal.NewBrowser().GetAsync("/")).Header("Content-Security-Policy").ShouldNotBeNull();

        policy.ShouldContain("form-action 'self' https://app.example.com:* https://*.apps.example:*");
    }

    [Fact]
    public async Task The_code_page_of_an_app_lets_the_app_lead_on_and_others_do_not()
    {
        async Task<string> PolicyAsync(string start)
        {
            var browser = Portal.NewBrowser();
            await browser.GetAsync(start);
            (await browser.PostAsync("/login", ("email", Someone.New()))).Status.ShouldBe(303);
            return (await browser.GetAsync("/login/code")).Header("Content-Security-Policy").ShouldNotBeNull();
        }

        (await PolicyAsync(Path(App))).ShouldEndWith(" https:");
        (await PolicyAsync("/")).ShouldNotContain(" https:;");
        (await PolicyAsync("/")).ShouldNotEndWith(" https:");
    }
}
