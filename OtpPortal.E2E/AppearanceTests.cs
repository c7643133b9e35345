using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>On phones, for screen readers, in the dark, on slow lines.</summary>
[Collection(SecondPortal.Name)]
public sealed class AppearanceTests(DefaultStage stage) : BrowserTest(stage)
{
    [Theory]
    [InlineData(320, "en-GB")]
    [InlineData(320, "de-DE")]
    [InlineData(390, "fr-FR")]
    public async Task Nothing_sticks_out_on_a_phone(int width, string locale)
    {
        await WalkAsync(
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
    public async Task Axe_finds_nothing(ColorScheme scheme)
    {
        var findings = new List<string>();
        await WalkAsync(options => options.ColorScheme = scheme, async (name, page) =>
        {
            findings.AddRange(await page.AxeFindingsAsync(name));
        });
        findings.ShouldBeEmpty();
    }

    /// <summary>Saves a picture of everything: <c>SCREENSHOTS=folder dotnet test OtpPortal.E2E --filter Pictures</c>.</summary>
    [PicturesTheory]
    [InlineData(320, ColorScheme.Light)]
    [InlineData(320, ColorScheme.Dark)]
    [InlineData(1280, ColorScheme.Light)]
    [InlineData(1280, ColorScheme.Dark)]
    public async Task Pictures_for_the_eye(int width, ColorScheme scheme) => await WalkAsync(
        options => (options.ViewportSize, options.ColorScheme) = (new() { Width = width, Height = 720 }, scheme),
        async (name, page) => await page.Page.ScreenshotAsync(new()
        {
            Path = Path.Combine(PicturesTheoryAttribute.Folder!, $"{name.Replace(' ', '-')}-{width}-{scheme}.png"),
            FullPage = name != "mailbox",
        }));

    [Fact]
    public async Task A_first_visit_loads_little()
    {
        var ann = await ArriveAsync();
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
    public async Task A_mistyped_link_leads_to_a_friendly_page_and_from_there_to_the_start()
    {
        var ann = await ArriveAsync();
        ann.Tolerates("status of 404");
        var page = new AddressPage(await ann.OpenTabAsync());

        var answer = await page.Page.GotoAsync("/no/such/page");

        answer!.Status.ShouldBe(404);
        await Expect(page.Heading).ToHaveTextAsync("Page not found");
        await page.Page.GetByRole(AriaRole.Link, new() { Name = "Back to the start page" }).ClickAsync();
        await page.BecomesInteractiveAsync();
        await Expect(page.Field).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_script_that_somebody_smuggled_into_a_page_does_not_run()
    {
        var ann = await ArriveAsync();
        var start = await AddressPage.OpenInteractiveAsync(ann);

        await start.Page.EvaluateAsync("""
            () => {
                const script = document.createElement('script');
                script.textContent = 'window.smuggled = true';
                document.body.append(script);
            }
            """);

        (await start.Page.EvaluateAsync<bool>("() => window.smuggled === true")).ShouldBeFalse();
        // It also shows that these tests would notice a violation of the policy.
        await Until.TrueAsync(
            "the browser's complaint",
            () => Task.FromResult(ann.Complaints.Any(text => text.Contains("Content Security Policy", StringComparison.Ordinal))));
        ann.Tolerates("Content Security Policy");
    }

    /// <summary>From page to page, through every state that looks different.</summary>
    private async Task WalkAsync(Action<BrowserNewContextOptions> wishes, Func<string, PortalPage, Task> look)
    {
        var ann = await ArriveAsync(wishes);
        ann.Tolerates("status of 40[034]");
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

        // Two sessions, so that everything is there.
        var other = await ArriveAsync(options => options.Locale = "en-GB");
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

/// <summary>Not part of the ordinary run: only when SCREENSHOTS names a folder.</summary>
public sealed class PicturesTheoryAttribute : TheoryAttribute
{
    public PicturesTheoryAttribute()
    {
        if (Folder is null) Skip = "SCREENSHOTS names no folder for the pictures.";
    }

    public static string? Folder { get; } = Environment.GetEnvironmentVariable("SCREENSHOTS");
}
