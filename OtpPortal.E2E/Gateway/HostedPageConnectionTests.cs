using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E.Gateway;

/// <summary>Tests the hosted pages with blocked and interrupted WebSockets.</summary>
public sealed class HostedPageConnectionTests(GatewayLineStage stage) : BrowserTest(stage), IClassFixture<GatewayLineStage>
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
    public async Task The_page_works_and_follows_another_device_when_WebSockets_are_blocked()
    {
        stage.Line.RefuseWebSockets();
        var wanted = await stage.Backend.BeginAsync();
        var desk = await HostedPage.OpenAsync(await OpenBrowserIgnoringLostConnectionAsync(), wanted.Path);
        var phone = await HostedPage.OpenAsync(await OpenBrowserIgnoringLostConnectionAsync(), wanted.Path);

        await phone.Parts.Field.PressSequentiallyAsync(wanted.WrongCode);
        await Expect(phone.Parts.Error).ToContainTextAsync("4 attempts left");
        await phone.Parts.Field.PressSequentiallyAsync(wanted.Code);

        await phone.Parts.IsDoneAsync();
        await desk.Parts.IsDoneAsync();
    }

    [Fact]
    public async Task The_dialog_works_when_WebSockets_are_blocked()
    {
        stage.Line.RefuseWebSockets();
        var wanted = await stage.Backend.BeginAsync(("to", ""));
        var shop = await ShopPage.OpenAsync(await OpenBrowserIgnoringLostConnectionAsync(), stage.Shop, wanted.Id);
        await shop.OpenDialogAsync();
        await shop.Parts.AddressField.FillAsync($"bob.{Guid.NewGuid():N}@example.com");
        await shop.Parts.SendCode.ClickAsync();

        await shop.Parts.Field.PressSequentiallyAsync(wanted.Code);

        await shop.ExpectCallsAsync($"finished MyApp {wanted.Id}");
    }

    [Fact]
    public async Task A_disconnected_page_follows_another_device()
    {
        var wanted = await stage.Backend.BeginAsync();
        var desk = await HostedPage.OpenInteractiveAsync(await OpenBrowserIgnoringLostConnectionAsync(), wanted.Path);
        stage.Line.Cut();
        await Expect(desk.ReconnectNotice).ToBeVisibleAsync();

        (await stage.Backend.CheckAsync(wanted, wanted.Code)).ShouldBeTrue();

        await desk.Parts.IsDoneAsync();
        stage.Line.Release();
    }

    [Fact]
    public async Task A_disconnected_page_accepts_the_code()
    {
        var wanted = await stage.Backend.BeginAsync();
        var page = await HostedPage.OpenInteractiveAsync(await OpenBrowserIgnoringLostConnectionAsync(), wanted.Path);
        stage.Line.Cut();
        await Expect(page.ReconnectNotice).ToBeVisibleAsync();

        await page.Parts.Field.PressSequentiallyAsync(wanted.Code);

        await page.Parts.IsDoneAsync();
        stage.Line.Release();
    }

    [Fact]
    public async Task A_code_from_a_link_is_not_submitted_automatically_by_a_late_or_restored_circuit()
    {
        stage.Line.HoldWebSockets();
        var wanted = await stage.Backend.BeginAsync();
        var page = await HostedPage.OpenAsync(await OpenBrowserIgnoringLostConnectionAsync(), $"{wanted.Path}?otp={wanted.Code}");
        await Expect(page.Parts.Field).ToHaveValueAsync(wanted.Code);
        stage.Line.Release();
        await page.BecomesInteractiveAsync();
        await WaitForCountdownUpdatesAsync(page);

        stage.Line.Cut();
        await Expect(page.ReconnectNotice).ToBeVisibleAsync();
        stage.Line.Release();
        await Expect(page.ReconnectNotice).Not.ToBeVisibleAsync();
        await WaitForCountdownUpdatesAsync(page);

        // A wrong code from another client, which updates the page, does not submit it either.
        (await stage.Backend.CheckAsync(wanted, wanted.WrongCode)).ShouldBeFalse();
        await WaitForCountdownUpdatesAsync(page);
        stage.Line.Cut();
        await Expect(page.ReconnectNotice).ToBeVisibleAsync();
        stage.Line.Release();
        await Expect(page.ReconnectNotice).Not.ToBeVisibleAsync();
        await WaitForCountdownUpdatesAsync(page);

        (await stage.Backend.IsVerifiedAsync(wanted)).ShouldBeFalse();
        await Expect(page.Parts.Field).ToHaveValueAsync(wanted.Code);
        await page.Parts.Verify.ClickAsync();
        await page.Parts.IsDoneAsync();
    }

    [Fact]
    public async Task The_layout_does_not_shift_when_the_circuit_starts()
    {
        stage.Line.HoldWebSockets();
        var wanted = await stage.Backend.BeginAsync();
        var page = await HostedPage.OpenAsync(await OpenBrowserIgnoringLostConnectionAsync(), wanted.Path);
        var before = await ElementPositionsAsync(page);
        before.Count.ShouldBeGreaterThan(8);
        stage.Line.Release();
        await page.BecomesInteractiveAsync();

        (await ElementPositionsAsync(page)).ShouldBe(before);
    }

    private async Task<BrowserUser> OpenBrowserIgnoringLostConnectionAsync()
    {
        var user = await OpenBrowserAsync();
        user.IgnoreConsoleErrors(LostLine);
        return user;
    }

    /// <summary>Waits for two updates of the countdown, during which a connected circuit would submit the code.</summary>
    private static async Task WaitForCountdownUpdatesAsync(HostedPage page)
    {
        var expiry = page.Page.Locator("#code-expiry");
        for (var i = 0; i < 2; i++)
        {
            var shown = await expiry.InnerTextAsync();
            await Expect(expiry).Not.ToHaveTextAsync(shown);
        }
    }

    private static async Task<IReadOnlyList<string>> ElementPositionsAsync(HostedPage page) => await page.Page.EvaluateAsync<string[]>("""
        () => [...document.querySelectorAll(
            '.portal-brand a, main .rz-card, main h1, main p, main label, '
            + 'main input:not([type=hidden]), main button, main a, .portal-languages')]
            .map(element => {
                const box = element.getBoundingClientRect();
                return `${element.tagName}#${element.id} ${[box.left, box.top, box.width, box.height].map(Math.round).join(' ')}`;
            })
        """);
}
