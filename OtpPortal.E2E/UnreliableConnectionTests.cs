using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>Tests slow, blocked and interrupted WebSockets with JavaScript enabled.</summary>
public sealed class UnreliableConnectionTests(UnreliableConnectionStage stage)
    : BrowserTest(stage), IClassFixture<UnreliableConnectionStage>
{
    // Console messages of Blazor and the browser when a WebSocket fails.
    private const string LostLine = "WebSocket|failed to start the c|connection|circuit";

    public override Task InitializeAsync()
    {
        // Reset the state from the previous test.
        stage.Line.Release();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task The_sign_in_works_when_WebSockets_are_blocked()
    {
        stage.Line.RefuseWebSockets();
        var ann = await OpenBrowserAsync();
        ann.IgnoreConsoleErrors(LostLine + "|status of 400");
        var start = await AddressPage.OpenAsync(ann);
        await start.Field.FillAsync("ann@example");
        await start.Send.ClickAsync();
        await Expect(start.Error).ToContainTextAsync("email address in the correct format");

        var code = await start.SendToAsync(ann.Address);
        var first = await Mailbox.CodeAsync(ann.Address);
        // A complete code is submitted automatically here as well.
        await code.TypeAsync(WrongCode(first));
        await Expect(code.Error).ToContainTextAsync("4 attempts left");
        await code.NavigateByAsync(() => code.Resend.ClickAsync());
        await Mailbox.CodeAsync(ann.Address, message: 2);
        await Expect(code.Heading).ToHaveTextAsync("Check your email");
        await code.TypeAsync(first);

        var signedIn = await SignedInPage.IsShownAsync(code.Page, ann.Address);
        await signedIn.SignOut.ClickAsync();
        await Expect(start.Field).ToBeVisibleAsync();
        (await start.Html.GetAttributeAsync("data-portal")).ShouldBeNull();
    }

    [Fact]
    public async Task Pressing_Enter_after_automatic_submission_does_not_submit_twice()
    {
        stage.Line.RefuseWebSockets();
        var ann = await OpenBrowserAsync();
        ann.IgnoreConsoleErrors(LostLine);
        var code = await (await AddressPage.OpenAsync(ann)).SendToAsync(ann.Address);
        var posts = 0;
        var pressed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await code.Page.RouteAsync("**/login-otp", async route =>
        {
            posts++;
            // The portal has responded, but the response is delayed.
            var answer = await route.FetchAsync(new() { MaxRedirects = 0 });
            answered.TrySetResult();
            await pressed.Task;
            await route.FulfillAsync(new() { Response = answer });
        });

        await code.TypeAsync(await Mailbox.CodeAsync(ann.Address));
        await answered.Task.WaitAsync(Until.DefaultTimeout);
        await code.Page.Keyboard.PressAsync("Enter");
        pressed.SetResult();

        await SignedInPage.IsShownAsync(code.Page, ann.Address);
        posts.ShouldBe(1);
    }

    [Fact]
    public async Task Input_and_cursor_are_kept_when_the_circuit_starts()
    {
        stage.Line.HoldWebSockets();
        var ann = await OpenBrowserAsync();
        var start = await AddressPage.OpenAsync(ann);
        await Expect(start.Field).ToBeFocusedAsync();
        await start.Page.Keyboard.TypeAsync(ann.Address[..10]);

        stage.Line.Release();
        await start.BecomesInteractiveAsync();
        await Expect(start.Field).ToBeFocusedAsync();
        await Expect(start.Field).ToHaveValueAsync(ann.Address[..10]);
        await start.Page.Keyboard.PressAsync("End");
        await start.Page.Keyboard.TypeAsync(ann.Address[10..]);
        stage.Line.HoldWebSockets();
        await start.Page.Keyboard.PressAsync("Enter");

        await start.Page.WaitForURLAsync("**/login/code");
        var code = new CodePage(start.Page);
        var right = await Mailbox.CodeAsync(ann.Address);
        await Expect(code.Field).ToBeFocusedAsync();
        await code.Page.Keyboard.TypeAsync(right[..2]);
        stage.Line.Release();
        await code.BecomesInteractiveAsync();
        await Expect(code.Field).ToHaveValueAsync(right[..2]);
        await code.Page.Keyboard.TypeAsync(right[2..]);
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
    }

    [Fact]
    public async Task Input_during_a_connection_loss_is_kept_after_reconnecting()
    {
        var ann = await OpenBrowserAsync();
        ann.IgnoreConsoleErrors(LostLine);
        var start = await AddressPage.OpenInteractiveAsync(ann);

        stage.Line.Cut();
        await Expect(start.ReconnectNotice).ToBeVisibleAsync();
        await Expect(start.Field).ToBeFocusedAsync();
        await start.Page.Keyboard.TypeAsync(ann.Address);
        stage.Line.Release();
        await Expect(start.ReconnectNotice).Not.ToBeVisibleAsync();
        await start.Page.Keyboard.PressAsync("Enter");

        await start.Page.WaitForURLAsync("**/login/code");
        (await Mailbox.CodeAsync(ann.Address)).Length.ShouldBe(6);
    }

    [Fact]
    public async Task Forms_can_be_submitted_during_a_connection_loss()
    {
        var ann = await OpenBrowserAsync();
        ann.IgnoreConsoleErrors(LostLine);
        var code = await BeginAsync(ann);

        stage.Line.Cut();
        await Expect(code.ReconnectNotice).ToBeVisibleAsync();
        await code.TypeAsync(await Mailbox.CodeAsync(ann.Address));

        await SignedInPage.IsShownAsync(code.Page, ann.Address);
        stage.Line.Release();
    }

    [Fact]
    public async Task A_code_completed_before_the_circuit_starts_signs_in()
    {
        stage.Line.HoldWebSockets();
        var ann = await OpenBrowserAsync();
        var start = await AddressPage.OpenAsync(ann);
        var code = await start.SendToAsync(ann.Address);

        await code.TypeAsync(await Mailbox.CodeAsync(ann.Address));

        await SignedInPage.IsShownAsync(code.Page, ann.Address);
        stage.Line.Release();
    }

    [Fact]
    public async Task The_layout_does_not_shift_when_the_circuit_starts()
    {
        stage.Line.HoldWebSockets();
        var ann = await OpenBrowserAsync();
        var start = await AddressPage.OpenAsync(ann);
        var before = await ElementPositionsAsync(start);
        before.Count.ShouldBeGreaterThan(6);
        stage.Line.Release();
        await start.BecomesInteractiveAsync();
        (await ElementPositionsAsync(start)).ShouldBe(before);

        stage.Line.HoldWebSockets();
        var code = await start.SendToAsync(ann.Address);
        await Mailbox.CodeAsync(ann.Address);
        await Until.TrueAsync("a page that says from the start that the message is handed over", async () =>
        {
            await code.Page.ReloadAsync();
            return await code.Page.Locator(".portal-progress-handedover").IsVisibleAsync();
        });
        before = await ElementPositionsAsync(code);
        before.Count.ShouldBeGreaterThan(8);
        stage.Line.Release();
        await code.BecomesInteractiveAsync();
        (await ElementPositionsAsync(code)).ShouldBe(before);
    }

    [Fact]
    public async Task The_address_can_be_submitted_before_scripts_have_loaded()
    {
        var ann = await OpenBrowserAsync();
        ann.IgnoreConsoleErrors("net::ERR_FAILED|net::ERR_ABORTED");
        var scripts = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await ann.Context.RouteAsync("**/*.js", async route =>
        {
            await scripts.Task;
            await route.AbortAsync();
        });
        var start = new AddressPage(await ann.OpenTabAsync());
        await start.Page.GotoAsync("/", new() { WaitUntil = WaitUntilState.Commit });

        await start.Field.FillAsync(ann.Address);
        await start.Send.ClickAsync();
        await Mailbox.CodeAsync(ann.Address);

        await Expect(new CodePage(start.Page).Field).ToBeVisibleAsync();
        scripts.SetResult();
    }

    /// <summary>Returns the positions of all visible elements.</summary>
    private static async Task<IReadOnlyList<string>> ElementPositionsAsync(PortalPage page) => await page.Page.EvaluateAsync<string[]>("""
        () => [...document.querySelectorAll(
            '.portal-brand a, main .rz-card, main h1, main p, main label, '
            + 'main input:not([type=hidden]), main button, main a, .portal-languages')]
            .map(element => {
                const box = element.getBoundingClientRect();
                return `${element.tagName}#${element.id} ${[box.left, box.top, box.width, box.height].map(Math.round).join(' ')}`;
            })
        """);
}
