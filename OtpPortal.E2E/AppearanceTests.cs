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

    [Fact]
    public async Task Pages_are_accessible()
    {
        var findings = new List<string>();
        await VisitAllPagesAsync(
            options => options.ViewportSize = new() { Width = 1280, Height = 720 },
            async (name, page) => findings.AddRange(await FindingsAsync(page, name, 320, 768, 1280)));
        findings.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_check_for_accessibility_finds_a_nameless_picture_and_pale_text()
    {
        var ann = await OpenBrowserAsync();
        var start = await AddressPage.OpenInteractiveAsync(ann);

        await start.Page.EvaluateAsync("""
            () => {
                const text = document.createElement('p');
                text.textContent = 'Pale';
                text.style.color = '#eee';
                const picture = new Image(20, 20);
                picture.src = '/favicon.svg';
                document.querySelector('main').append(text, picture);
            }
            """);

        var findings = await start.AxeFindingsAsync("address page");
        findings.Count.ShouldBe(2);
        findings.ShouldContain(finding => finding.StartsWith("address page: color-contrast: ", StringComparison.Ordinal));
        findings.ShouldContain(finding => finding.StartsWith("address page: image-alt: ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Each_digit_appears_in_its_cell_also_when_pasted_with_separators()
    {
        var ann = await OpenBrowserAsync(options => options.ViewportSize = new() { Width = 320, Height = 640 });
        var code = await BeginAsync(ann);
        await code.BecomesInteractiveAsync();

        await code.PasteAsync("12-3 4");

        await Expect(code.Field).ToHaveValueAsync("1234");
        await Expect(code.Page.Locator(".portal-cells-row i").Nth(4)).ToHaveClassAsync("portal-cell-next");
        await Expect(code.Page.Locator(".portal-cell-next")).ToHaveCountAsync(1);
        var misplaced = await code.Page.EvaluateAsync<string[]>("""
            () => {
                const field = document.getElementById('code');
                const style = getComputedStyle(field);
                const measure = document.createElement('canvas').getContext('2d');
                measure.font = style.font;
                const digit = measure.measureText('0').width;
                const start = field.getBoundingClientRect().left + parseFloat(style.paddingInlineStart);
                return [...document.querySelectorAll('.portal-cells-row i')].map((cell, i) => {
                    const { left, right } = cell.getBoundingClientRect();
                    const middle = start + i * (digit + parseFloat(style.letterSpacing)) + digit / 2;
                    return Math.abs(middle - (left + right) / 2) > 1.5 ? `${i}: ${middle} in ${left}-${right}` : null;
                }).filter(Boolean);
            }
            """);
        misplaced.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_sign_in_works_with_the_keyboard_alone()
    {
        var ann = await OpenBrowserAsync();
        var start = await AddressPage.OpenInteractiveAsync(ann);
        await Expect(start.Field).ToBeFocusedAsync();
        await start.Page.Keyboard.TypeAsync(ann.Address);
        await start.Page.Keyboard.PressAsync("Enter");
        await start.Page.WaitForURLAsync("**/login/code");
        var code = new CodePage(start.Page);
        await code.BecomesInteractiveAsync();
        await Expect(code.Field).ToBeFocusedAsync();
        await code.Page.Keyboard.TypeAsync(await Mailbox.CodeAsync(ann.Address));
        var signedIn = await SignedInPage.IsShownAsync(code.Page, ann.Address);

        // The brand comes first, then the button that signs out.
        await signedIn.Page.Keyboard.PressAsync("Tab");
        await Expect(signedIn.Page.Locator(".portal-brand a")).ToBeFocusedAsync();
        await signedIn.Page.Keyboard.PressAsync("Tab");
        await Expect(signedIn.SignOut).ToBeFocusedAsync();
        var ring = await signedIn.SignOut.EvaluateAsync<string>("button => getComputedStyle(button).outlineStyle");
        ring.ShouldBe("solid", "the focused button has a ring");
        await signedIn.NavigateByAsync(() => signedIn.Page.Keyboard.PressAsync("Enter"));
        await Expect(start.Field).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Another_device_is_signed_out_after_confirmation()
    {
        var (phone, laptop) = (await OpenBrowserAsync(), await OpenBrowserAsync());
        await SignInAsync(phone, laptop.Address);
        var code = await BeginAsync(laptop);
        await code.TypeAsync(await Mailbox.CodeAsync(laptop.Address, message: 2));
        var page = await SignedInPage.IsShownAsync(code.Page, laptop.Address);
        await Expect(page.Sessions).ToHaveCountAsync(2);

        var confirm = page.Page.Locator("form[action='/logout/session'] button");
        await Expect(confirm).Not.ToBeVisibleAsync();
        await page.Sessions.Nth(1).Locator("summary").ClickAsync();
        await page.NavigateByAsync(() => confirm.ClickAsync());

        await Expect(page.Sessions).ToHaveCountAsync(1);
        var start = await AddressPage.OpenAsync(phone);
        await Expect(start.Field).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Nothing_moves_for_users_who_prefer_less_motion()
    {
        var ann = await OpenBrowserAsync(options => options.ReducedMotion = ReducedMotion.Reduce);
        var code = await BeginAsync(ann);

        var animations = await code.Page.EvaluateAsync<int>("() => document.getAnimations().length");

        animations.ShouldBe(0);
    }

    [Fact]
    public async Task Buttons_and_the_next_cell_stay_visible_with_forced_colors()
    {
        var ann = await OpenBrowserAsync(options => options.ForcedColors = ForcedColors.Active);
        var code = await BeginAsync(ann);
        await code.BecomesInteractiveAsync();
        await code.TypeAsync("1");

        (await code.SignIn.EvaluateAsync<string>("button => getComputedStyle(button).borderStyle")).ShouldBe("solid");
        var cell = code.Page.Locator(".portal-cell-next");
        (await cell.EvaluateAsync<string>("cell => getComputedStyle(cell).outlineStyle")).ShouldBe("solid");
    }

    [Fact]
    public async Task Pages_fit_at_a_zoom_of_200_percent_and_from_right_to_left()
    {
        var ann = await OpenBrowserAsync(options =>
            (options.ViewportSize, options.DeviceScaleFactor) = (new() { Width = 640, Height = 360 }, 2));
        var code = await BeginAsync(ann);
        (await code.ScrollsSidewaysAsync()).ShouldBeFalse();

        await code.Html.EvaluateAsync("html => { html.dir = 'rtl'; }");

        (await code.ScrollsSidewaysAsync()).ShouldBeFalse();
        var (first, last) = (code.Page.Locator(".portal-cells-row i").First, code.Page.Locator(".portal-cells-row i").Last);
        (await first.BoundingBoxAsync())!.X.ShouldBeLessThan((await last.BoundingBoxAsync())!.X, "digits are read from left to right");
    }

    [Fact]
    public async Task The_first_visit_loads_less_than_100_KB()
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
        bytes.ShouldBeInRange(50_000, 100 * 1024);
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
