using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E.Gateway;

/// <summary>Scripts run, but the WebSocket is lost, or never comes through.</summary>
public sealed class HostedPageLineTests(GatewayLineStage stage) : BrowserTest(stage), IClassFixture<GatewayLineStage>
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
    public async Task Where_web_sockets_are_blocked_forms_verify_and_another_devices_success_shows_all_the_same()
    {
        stage.Line.RefuseWebSockets();
        var wanted = await stage.Backend.BeginAsync();
        var desk = await HostedPage.OpenAsync(await ArriveTolerantlyAsync(), wanted.Path);
        var phone = await HostedPage.OpenAsync(await ArriveTolerantlyAsync(), wanted.Path);

        await phone.Parts.Field.PressSequentiallyAsync(wanted.WrongCode);
        await Expect(phone.Parts.Error).ToContainTextAsync("4 attempts left");
        await phone.Parts.Field.PressSequentiallyAsync(wanted.Code);

        await phone.Parts.IsDoneAsync();
        await desk.Parts.IsDoneAsync();
    }

    [Fact]
    public async Task Where_web_sockets_are_blocked_the_dialog_works_as_well()
    {
        stage.Line.RefuseWebSockets();
        var wanted = await stage.Backend.BeginAsync(("to", ""));
        var shop = await ShopPage.OpenAsync(await ArriveTolerantlyAsync(), stage.Shop, wanted.Id);
        await shop.OpenDialogAsync();
        await shop.Parts.AddressField.FillAsync($"bob.{Guid.NewGuid():N}@example.com");
        await shop.Parts.SendCode.ClickAsync();

        await shop.Parts.Field.PressSequentiallyAsync(wanted.Code);

        await shop.HearsAsync($"finished MyApp {wanted.Id}");
    }

    [Fact]
    public async Task A_page_whose_line_is_down_still_follows_another_device()
    {
        var wanted = await stage.Backend.BeginAsync();
        var desk = await HostedPage.OpenInteractiveAsync(await ArriveTolerantlyAsync(), wanted.Path);
        stage.Line.Cut();
        await Expect(desk.ReconnectNotice).ToBeVisibleAsync();

        (await stage.Backend.CheckAsync(wanted, wanted.Code)).ShouldBeTrue();

        await desk.Parts.IsDoneAsync();
        stage.Line.Release();
    }

    [Fact]
    public async Task A_page_whose_line_is_down_still_takes_the_code()
    {
        var wanted = await stage.Backend.BeginAsync();
        var page = await HostedPage.OpenInteractiveAsync(await ArriveTolerantlyAsync(), wanted.Path);
        stage.Line.Cut();
        await Expect(page.ReconnectNotice).ToBeVisibleAsync();

        await page.Parts.Field.PressSequentiallyAsync(wanted.Code);

        await page.Parts.IsDoneAsync();
        stage.Line.Release();
    }

    [Fact]
    public async Task The_code_of_a_link_is_not_sent_off_when_the_circuit_starts_late_or_comes_back()
    {
        stage.Line.HoldWebSockets();
        var wanted = await stage.Backend.BeginAsync();
        var page = await HostedPage.OpenAsync(await ArriveTolerantlyAsync(), $"{wanted.Path}?otp={wanted.Code}");
        await Expect(page.Parts.Field).ToHaveValueAsync(wanted.Code);
        stage.Line.Release();
        await page.BecomesInteractiveAsync();
        await TicksAsync(page);

        stage.Line.Cut();
        await Expect(page.ReconnectNotice).ToBeVisibleAsync();
        stage.Line.Release();
        await Expect(page.ReconnectNotice).Not.ToBeVisibleAsync();
        await TicksAsync(page);

        // Nor when somebody else guesses meanwhile, and the page is told.
        (await stage.Backend.CheckAsync(wanted, wanted.WrongCode)).ShouldBeFalse();
        await TicksAsync(page);
        stage.Line.Cut();
        await Expect(page.ReconnectNotice).ToBeVisibleAsync();
        stage.Line.Release();
        await Expect(page.ReconnectNotice).Not.ToBeVisibleAsync();
        await TicksAsync(page);

        (await stage.Backend.IsVerifiedAsync(wanted)).ShouldBeFalse();
        await Expect(page.Parts.Field).ToHaveValueAsync(wanted.Code);
        await page.Parts.Verify.ClickAsync();
        await page.Parts.IsDoneAsync();
    }

    [Fact]
    public async Task Nothing_jumps_when_the_circuit_starts()
    {
        stage.Line.HoldWebSockets();
        var wanted = await stage.Backend.BeginAsync();
        var page = await HostedPage.OpenAsync(await ArriveTolerantlyAsync(), wanted.Path);
        var before = await BoxesAsync(page);
        before.Count.ShouldBeGreaterThan(8);
        stage.Line.Release();
        await page.BecomesInteractiveAsync();

        (await BoxesAsync(page)).ShouldBe(before);
    }

    private async Task<Visitor> ArriveTolerantlyAsync()
    {
        var visitor = await ArriveAsync();
        visitor.Tolerates(LostLine);
        return visitor;
    }

    /// <summary>The circuit is alive, and has looked how things stand twice.</summary>
    private static async Task TicksAsync(HostedPage page)
    {
        var expiry = page.Page.Locator("#code-expiry");
        for (var i = 0; i < 2; i++)
        {
            var shown = await expiry.InnerTextAsync();
            await Expect(expiry).Not.ToHaveTextAsync(shown);
        }
    }

    private static async Task<IReadOnlyList<string>> BoxesAsync(HostedPage page) => await page.Page.EvaluateAsync<string[]>("""
        () => [...document.querySelectorAll(
            '.portal-brand a, main .rz-card, main h1, main p, main label, '
            + 'main input:not([type=hidden]), main button, main a, .portal-languages')]
            .map(element => {
                const box = element.getBoundingClientRect();
                return `${element.tagName}#${element.id} ${[box.left, box.top, box.width, box.height].map(Math.round).join(' ')}`;
            })
        """);
}
