using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;
using OtpPortal.Tests.Limits.Captcha;

namespace OtpPortal.E2E;

/// <summary>A portal that requires a captcha from the second code on, with a fake verification service.</summary>
public sealed class CaptchaStage : Stage
{
    public VerificationServer Service { get; private set; } = null!;

    protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["CAPTCHA_PROVIDER"] = "turnstile",
        ["CAPTCHA_SITE_KEY"] = "a-site-key",
        ["CAPTCHA_SECRET_KEY"] = "a-secret-key",
        ["CAPTCHA_API_URL"] = Service.Url,
        ["CAPTCHA_AFTER"] = "1/900",
        ["LIMIT_SENDS_PER_ADDRESS"] = "1000/900",
    };

    public override async Task InitializeAsync()
    {
        Service = await VerificationServer.StartAsync();
        await base.InitializeAsync();
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        await Service.DisposeAsync();
    }
}

/// <summary>Tests the captcha step.</summary>
public sealed class CaptchaTests(CaptchaStage stage) : BrowserTest(stage), IClassFixture<CaptchaStage>
{
    // Renders two buttons instead of a challenge and stores the answer in the field of the real widget.
    private const string Widget = """
        document.querySelectorAll('.cf-turnstile').forEach(place => {
            const answer = Object.assign(document.createElement('input'), { type: 'hidden', name: 'cf-turnstile-response' });
            place.append(answer, ...['right', 'wrong'].map(value => {
                const button = Object.assign(
                    document.createElement('button'), { type: 'button', textContent: `The ${value} answer to ${place.dataset.sitekey}` });
                button.addEventListener('click', () => { answer.value = value; button.dataset.chosen = ''; });
                return button;
            }));
        });
        """;

    [Fact]
    public async Task A_correct_captcha_answer_is_required_to_send_the_code()
    {
        var ann = await OpenChallengedBrowserAsync();
        var start = await AddressPage.OpenInteractiveAsync(ann);
        await SubmitAddressAsync(start, ann.Address);
        await Expect(start.Error).ToContainTextAsync("Complete the check below to get another code, or wait 30 seconds");
        await Expect(start.Field).ToHaveValueAsync(ann.Address);

        await AnswerAsync(start, "wrong");
        await start.NavigateByAsync(() => start.Send.ClickAsync());
        await Expect(start.Error).ToContainTextAsync("The check failed or expired");
        (await Mailbox.ToAsync(ann.Address)).ShouldBeEmpty();

        await AnswerAsync(start, "right");
        await start.Send.ClickAsync();
        await start.Page.WaitForURLAsync("**/login/code");
        var code = new CodePage(start.Page);
        await code.BecomesInteractiveAsync();
        await code.TypeAsync(await Mailbox.CodeAsync(ann.Address));
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
        stage.Service.Requests.Select(request => request.Form["secret"]).ShouldContain("a-secret-key");
    }

    [Fact]
    public async Task Without_JavaScript_waiting_replaces_the_captcha()
    {
        var ann = await OpenChallengedBrowserAsync(options => options.JavaScriptEnabled = false);
        var start = await AddressPage.OpenAsync(ann);
        await SubmitAddressAsync(start, ann.Address);
        await Expect(start.Error).ToContainTextAsync("or wait 30 seconds and try again");

        await start.NavigateByAsync(() => start.Send.ClickAsync());
        await Expect(start.Error).ToContainTextAsync("longer and try again");
        await Until.TrueAsync("the end of the wait", TimeSpan.FromSeconds(90), async () =>
        {
            await start.NavigateByAsync(() => start.Send.ClickAsync());
            return !await start.Field.IsVisibleAsync();
        });

        var code = new CodePage(start.Page);
        await code.SubmitAsync(await Mailbox.CodeAsync(ann.Address));
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
    }

    [Fact]
    public async Task The_page_works_when_the_captcha_widget_cannot_be_loaded()
    {
        var ann = await OpenChallengedBrowserAsync();
        ann.IgnoreConsoleErrors("ERR_FAILED");
        await ann.Context.RouteAsync("https://challenges.cloudflare.com/**", route => route.AbortAsync());
        var start = await AddressPage.OpenInteractiveAsync(ann);

        await SubmitAddressAsync(start, ann.Address);

        await Expect(start.Error).ToContainTextAsync("or wait 30 seconds and try again");
        await Expect(start.Send).ToBeEnabledAsync();
    }

    [Fact]
    public async Task The_captcha_page_is_accessible_and_fits_the_viewport()
    {
        var ann = await OpenChallengedBrowserAsync();
        var start = await AddressPage.OpenInteractiveAsync(ann);
        await SubmitAddressAsync(start, ann.Address);
        await Expect(start.Page.Locator(".cf-turnstile button").First).ToBeVisibleAsync();

        (await FindingsAsync(start, "captcha", 320, 1280)).ShouldBeEmpty();
    }

    /// <summary>Creates a user whose IP address has already requested a code.</summary>
    private async Task<BrowserUser> OpenChallengedBrowserAsync(Action<BrowserNewContextOptions>? configure = null)
    {
        using var first = new PlainHttpUser($"http://127.0.0.1:{Portal.Port}", Portal.Url);
        (await first.PostAsync("/login", "email", first.Address)).Status.ShouldBeOneOf(303, 429);
        var ann = await OpenBrowserAsync(configure);
        ann.IgnoreConsoleErrors("status of 429");
        await ann.Context.RouteAsync(
            "https://challenges.cloudflare.com/**", route => route.FulfillAsync(new() { ContentType = "text/javascript", Body = Widget }));
        return ann;
    }

    private static async Task SubmitAddressAsync(AddressPage start, string address)
    {
        await start.Field.FillAsync(address);
        await start.NavigateByAsync(() => start.Send.ClickAsync());
    }

    private static async Task AnswerAsync(AddressPage start, string answer)
    {
        var button = start.Page.GetByRole(AriaRole.Button, new() { Name = $"The {answer} answer to a-site-key" });
        await button.ClickAsync();
        await Expect(button).ToHaveAttributeAsync("data-chosen", "");
    }
}
