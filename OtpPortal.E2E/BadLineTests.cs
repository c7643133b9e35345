using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>Scripts run, but the WebSocket is slow, or never comes through.</summary>
public sealed class BadLineTests(LineStage stage) : BrowserTest(stage), IClassFixture<LineStage>
{
    // What Blazor and the browser write when a WebSocket cannot be had.
    private const string LostLine = "WebSocket|failed to start the c|connection|circuit";

    public override Task InitializeAsync()
    {
        // However the test before left it.
        stage.Line.Release();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task Where_web_sockets_are_blocked_the_plain_forms_do_everything()
    {
        stage.Line.RefuseWebSockets();
        var ann = await ArriveAsync();
        ann.Tolerates(LostLine + "|status of 400");
        var start = await AddressPage.OpenAsync(ann);
        await start.Field.FillAsync("ann@example");
        await start.Send.ClickAsync();
        await Expect(start.Error).ToContainTextAsync("email address in the correct format");

        var code = await start.SendToAsync(ann.Address);
        var first = await Mailbox.CodeAsync(ann.Address);
        // It is complete, so it submits itself here as well.
        await code.TypeAsync(WrongCode(first));
        await Expect(code.Error).ToContainTextAsync("4 attempts left");
        await code.LeaveByAsync(() => code.Resend.ClickAsync());
        await Mailbox.CodeAsync(ann.Address, message: 2);
        await Expect(code.Heading).ToHaveTextAsync("Check your email");
        await code.TypeAsync(first);

        var signedIn = await SignedInPage.IsShownAsync(code.Page, ann.Address);
        await signedIn.SignOut.ClickAsync();
        await Expect(start.Field).ToBeVisibleAsync();
        (await start.Html.GetAttributeAsync("data-portal")).ShouldBeNull();
    }

    [Fact]
    public async Task Enter_after_a_code_that_submitted_itself_does_not_send_it_twice()
    {
        stage.Line.RefuseWebSockets();
        var ann = await ArriveAsync();
        ann.Tolerates(LostLine);
        var code = await (await AddressPage.OpenAsync(ann)).SendToAsync(ann.Address);
        var posts = 0;
        var pressed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await code.Page.RouteAsync("**/login-otp", async route =>
        {
            posts++;
            // The portal has answered, but the answer is slow to come.
            var answer = await route.FetchAsync(new() { MaxRedirects = 0 });
            answered.TrySetResult();
            await pressed.Task;
            await route.FulfillAsync(new() { Response = answer });
        });

        await code.TypeAsync(await Mailbox.CodeAsync(ann.Address));
        await answered.Task.WaitAsync(Until.Patience);
        await code.Page.Keyboard.PressAsync("Enter");
        pressed.SetResult();

        await SignedInPage.IsShownAsync(code.Page, ann.Address);
        posts.ShouldBe(1);
    }

    [Fact]
    public async Task What_was_typed_before_the_circuit_started_stays_and_so_does_the_cursor()
    {
        stage.Line.HoldWebSockets();
        var ann = await ArriveAsync();
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
        await code.Page.Keyboard.TypeAsync(right[..2]);
        stage.Line.Release();
        await code.BecomesInteractiveAsync();
        await Expect(code.Field).ToHaveValueAsync(right[..2]);
        await code.Page.Keyboard.TypeAsync(right[2..]);
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
    }

    [Fact]
    public async Task What_was_typed_while_the_line_was_down_is_there_when_it_is_up_again()
    {
        var ann = await ArriveAsync();
        ann.Tolerates(LostLine);
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
    public async Task Forms_go_the_ordinary_way_while_the_line_is_down()
    {
        var ann = await ArriveAsync();
        ann.Tolerates(LostLine);
        var code = await BeginAsync(ann);

        stage.Line.Cut();
        await Expect(code.ReconnectNotice).ToBeVisibleAsync();
        await code.TypeAsync(await Mailbox.CodeAsync(ann.Address));

        await SignedInPage.IsShownAsync(code.Page, ann.Address);
        stage.Line.Release();
    }

    [Fact]
    public async Task A_code_that_is_complete_before_the_circuit_started_signs_in()
    {
        stage.Line.HoldWebSockets();
        var ann = await ArriveAsync();
        var start = await AddressPage.OpenAsync(ann);
        var code = await start.SendToAsync(ann.Address);

        await code.TypeAsync(await Mailbox.CodeAsync(ann.Address));

        await SignedInPage.IsShownAsync(code.Page, ann.Address);
        stage.Line.Release();
    }

    [Fact]
    public async Task Nothing_jumps_when_the_circuit_starts()
    {
        stage.Line.HoldWebSockets();
        var ann = await ArriveAsync();
        var start = await AddressPage.OpenAsync(ann);
        var before = await BoxesAsync(start);
        before.Count.ShouldBeGreaterThan(6);
        stage.Line.Release();
        await start.BecomesInteractiveAsync();
        (await BoxesAsync(start)).ShouldBe(before);

        stage.Line.HoldWebSockets();
        var code = await start.SendToAsync(ann.Address);
        await Mailbox.CodeAsync(ann.Address);
        await Until.TrueAsync("a page that says from the start that the message is handed over", async () =>
        {
            await code.Page.ReloadAsync();
            return await code.Page.Locator(".portal-progress-handedover").IsVisibleAsync();
        });
        before = await BoxesAsync(code);
        before.Count.ShouldBeGreaterThan(8);
        stage.Line.Release();
        await code.BecomesInteractiveAsync();
        (await BoxesAsync(code)).ShouldBe(before);
    }

    [Fact]
    public async Task The_address_can_be_sent_before_any_script_is_there()
    {
        var ann = await ArriveAsync();
        ann.Tolerates("net::ERR_FAILED|net::ERR_ABORTED");
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

    /// <summary>Where everything that can be seen stands, by what it is.</summary>
    private static async Task<IReadOnlyList<string>> BoxesAsync(PortalPage page) => await page.Page.EvaluateAsync<string[]>("""
        () => [...document.querySelectorAll(
            '.portal-brand a, main .rz-card, main h1, main p, main label, '
            + 'main input:not([type=hidden]), main button, main a, .portal-languages')]
            .map(element => {
                const box = element.getBoundingClientRect();
                return `${element.tagName}#${element.id} ${[box.left, box.top, box.width, box.height].map(Math.round).join(' ')}`;
            })
        """);
}
