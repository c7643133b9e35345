using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>Tests layout, accessibility, color schemes and page weight.</summary>
[Collection(SecondPortal.Name)]
public sealed class AppearanceTests(DefaultStage stage) : BrowserTest(stage)
{
    [Theory]
    [InlineData(320, "en-GB")]
    [InlineData(320, "de-DE")]
    [InlineData(390, "fr-FR")]
    public async Task Pages_fit_a_phone_screen(int width, string locale)
    {
        await VisitAllPagesAsync(
            options =>
            {
                (options.Locale, options.ViewportSize, options.IsMobile, options.HasTouch) =
                    (locale, new() { Width = width, Height = 640 }, true, true);
            },
            async (name, page) => (await page.ScrollsSidewaysAsync()).ShouldBeFalse($"{name} scrolls sideways at {width} px"));
    }

    [Theory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task Pages_are_accessible(ColorScheme scheme)
    {
        var findings = new List<string>();
        await VisitAllPagesAsync(options => options.ColorScheme = scheme, async (name, page) =>
        {
            findings.AddRange(await page.AxeFindingsAsync(name));
        });
        findings.ShouldBeEmpty();
    }

    /// <summary>Saves screenshots: <c>SCREENSHOTS=folder dotnet test OtpPortal.E2E --filter Screenshots</c>.</summary>
    [PicturesTheory]
    [InlineData(320, ColorScheme.Light)]
    [InlineData(320, ColorScheme.Dark)]
    [InlineData(1280, ColorScheme.Light)]
    [InlineData(1280, ColorScheme.Dark)]
    public async Task Screenshots_of_all_pages(int width, ColorScheme scheme) => await VisitAllPagesAsync(
        options => (options.ViewportSize, options.ColorScheme) = (new() { Width = width, Height = 720 }, scheme),
        async (name, page) => await page.Page.ScreenshotAsync(new()
        {
            Path = Path.Combine(PicturesTheoryAttribute.Folder!, $"{name.Replace(' ', '-')}-{width}-{scheme}.png"),
            FullPage = name != "mailbox",
        }));

    [Fact]
    public async Task The_first_visit_loads_less_than_200_KB()
    {
        var ann = await OpenBrowserAsync();
        var page = await ann.OpenTabAsync();
        var protocol = await ann.Context.NewCDPSessionAsync(page);
        var bytes = 0.0;
        var files = 0;
        protocol.Event("Network.loadingFinished").OnEvent += (_, data) =>
        {
            bytes += data!.Value.GetProperty("encodedDataLength").GetDouble();
            files++;
        };
        await protocol.SendAsync("Network.enable");

        await page.GotoAsync("/", new() { WaitUntil = WaitUntilState.NetworkIdle });
        await new AddressPage(page).BecomesInteractiveAsync();

        files.ShouldBeGreaterThan(4);
        bytes.ShouldBeInRange(50_000, 200 * 1024);
    }

    [Fact]
    public async Task An_unknown_URL_shows_a_404_page_with_a_link_to_the_start_page()
    {
        var ann = await OpenBrowserAsync();
        ann.IgnoreConsoleErrors("status of 404");
        var page = new AddressPage(await ann.OpenTabAsync());

        var answer = await page.Page.GotoAsync("/no/such/page");

        answer!.Status.ShouldBe(404);
        await Expect(page.Heading).ToHaveTextAsync("Page not found");
        await page.Page.GetByRole(AriaRole.Link, new() { Name = "Back to the start page" }).ClickAsync();
        await page.BecomesInteractiveAsync();
        await Expect(page.Field).ToBeVisibleAsync();
    }

    [Fact]
    public async Task An_injected_script_is_blocked_by_the_CSP()
    {
        var ann = await OpenBrowserAsync();
        var start = await AddressPage.OpenInteractiveAsync(ann);

        await start.Page.EvaluateAsync("""
            () => {
                const script = document.createElement('script');
                script.textContent = 'window.smuggled = true';
                document.body.append(script);
            }
            """);

        (await start.Page.EvaluateAsync<bool>("() => window.smuggled === true")).ShouldBeFalse();
        // This also proves that the tests detect violations of the policy.
        await Until.TrueAsync(
            "the browser's complaint",
            () => Task.FromResult(ann.ConsoleErrors.Any(text => text.Contains("Content Security Policy", StringComparison.Ordinal))));
        ann.IgnoreConsoleErrors("Content Security Policy");
    }

    /// <summary>Visits every page in every visible state.</summary>
    private async Task VisitAllPagesAsync(Action<BrowserNewContextOptions> configure, Func<string, PortalPage, Task> look)
    {
        var ann = await OpenBrowserAsync(configure);
        ann.IgnoreConsoleErrors("status of 40[034]");
        var start = await AddressPage.OpenInteractiveAsync(ann);
        await look("address page", start);
        await start.Field.FillAsync("ann@example");
        await start.Send.ClickAsync();
        await Expect(start.Error).ToBeVisibleAsync();
        await look("address page with an error", start);

        var code = await start.SendToAsync(ann.Address);
        await code.BecomesInteractiveAsync();
        var right = await Mailbox.CodeAsync(ann.Address);
        await Expect(code.Page.Locator(".portal-progress-handedover")).ToBeVisibleAsync();
        await look("code page", code);
        await code.TypeAsync(WrongCode(right));
        await Expect(code.Error).ToBeVisibleAsync();
        await look("code page with a wrong code", code);
        for (var i = 0; i < 4; i++)
        {
            await Expect(code.Field).ToHaveValueAsync("");
            await code.TypeAsync(WrongCode(right));
        }
        await Expect(code.Field).Not.ToBeVisibleAsync();
        await look("ended sign-in", code);

        // Two sessions, so that all buttons are shown.
        var other = await OpenBrowserAsync(options => options.Locale = "en-GB");
        await SignInAsync(other, ann.Address, message: 2);
        code = await BeginAsync(ann);
        await code.TypeAsync(await Mailbox.CodeAsync(ann.Address, message: 3));
        var signedIn = await SignedInPage.IsShownAsync(code.Page, ann.Address);
        await Expect(signedIn.SignOutOthers).ToBeVisibleAsync();
        await Expect(signedIn.SignOutEverywhere).ToBeVisibleAsync();
        await look("signed-in page", signedIn);

        var mailbox = await MailboxPage.OpenAsync(ann);
        await mailbox.To(ann.Address).First.Locator("summary").ClickAsync();
        await Expect(mailbox.To(ann.Address).First.FrameLocator("iframe").Locator("body"))
            .ToContainTextAsync(await Mailbox.CodeAsync(ann.Address, message: 3));
        await look("mailbox", mailbox);

        await code.Page.GotoAsync("/docs");
        await code.Page.Locator("summary").Nth(3).ClickAsync();
        await Expect(code.Page.Locator("details[open] table")).ToBeVisibleAsync();
        await look("docs", code);

        await code.Page.GotoAsync("/no/such/page");
        await look("404", code);
        await using var app = await ThirdPartyApp.StartAsync(Portal);
        await code.Page.GotoAsync(app.Url + "/nasty");
        await code.Page.GetByRole(AriaRole.Button).ClickAsync();
        await Expect(code.Page.Locator(".portal-brand")).ToBeVisibleAsync();
        await look("403", code);
    }
}

/// <summary>A theory that runs only when SCREENSHOTS names a directory.</summary>
public sealed class PicturesTheoryAttribute : TheoryAttribute
{
    public PicturesTheoryAttribute()
    {
        if (Folder is null) Skip = "SCREENSHOTS names no folder for the pictures.";
    }

    public static string? Folder { get; } = Environment.GetEnvironmentVariable("SCREENSHOTS");
}
