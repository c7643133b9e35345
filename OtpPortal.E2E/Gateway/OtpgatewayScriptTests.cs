using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E.Gateway;

/// <summary>Tests a site that still uses the script of otpgateway, which passes no origin.</summary>
[Collection(GatewayCollection.Name)]
public sealed class OtpgatewayScriptTests(GatewayStage stage) : BrowserTest(stage)
{
    [Fact]
    public async Task The_callback_is_called_and_a_second_dialog_opens()
    {
        var (first, second) = (await stage.Backend.BeginAsync(), await stage.Backend.BeginAsync(("to", "")));
        var page = await OpenAsync(first);
        var parts = new VerificationParts(selector => page.FrameLocator("#otpgateway-frame").Locator(selector));
        await page.Locator("#open").ClickAsync();
        await parts.BecomesInteractiveAsync();
        await Expect(page.Locator("#otpgateway-frame-spinner")).ToHaveCountAsync(0);
        (await page.Locator("#otpgateway-modal-wrap").EvaluateAsync<string>("wrap => getComputedStyle(wrap).position")).ShouldBe("fixed");

        await parts.Field.PressSequentiallyAsync(first.Code);
        await ExpectCallsAsync(page, $"finished MyApp {first.Id}");
        await Expect(page.Locator("#otpgateway-modal-wrap")).ToHaveCountAsync(0);

        // This verification asks for the address first, so the frame visits several pages.
        await page.EvaluateAsync("id => window.verify('MyApp', id)", second.Id);
        await parts.AddressField.FillAsync($"bob.{Guid.NewGuid():N}@example.com");
        await parts.SendCode.ClickAsync();
        await parts.BecomesInteractiveAsync();
        await parts.Field.PressSequentiallyAsync(second.Code);
        await ExpectCallsAsync(page, $"finished MyApp {first.Id}", $"finished MyApp {second.Id}");
        await Expect(page.Locator("#otpgateway-modal-wrap")).ToHaveCountAsync(0);
        (await stage.Backend.IsVerifiedAsync(second)).ShouldBeTrue();
    }

    [Fact]
    public async Task Escape_in_the_frame_is_not_reported_as_success()
    {
        var wanted = await stage.Backend.BeginAsync();
        var page = await OpenAsync(wanted);
        var parts = new VerificationParts(selector => page.FrameLocator("#otpgateway-frame").Locator(selector));
        await page.Locator("#open").ClickAsync();
        await parts.BecomesInteractiveAsync();

        await parts.Field.PressAsync("Escape");

        await page.WaitForFunctionAsync("() => window.messages.length > 0");
        (await page.EvaluateAsync<string[]>("() => window.heard")).ShouldBeEmpty();
        await page.Locator("#otpgateway-modal").ClickAsync(new() { Position = new() { X = 5, Y = 5 } });
        await ExpectCallsAsync(page, "cancelled");
    }

    [Fact]
    public async Task The_callback_is_called_for_a_page_that_sends_no_referrer()
    {
        var wanted = await stage.Backend.BeginAsync();
        var page = await OpenAsync(wanted);
        await page.EvaluateAsync(
            "() => document.head.append(Object.assign(document.createElement('meta'), { name: 'referrer', content: 'no-referrer' }))");
        var parts = new VerificationParts(selector => page.FrameLocator("#otpgateway-frame").Locator(selector));
        var request = await page.RunAndWaitForRequestAsync(
            () => page.Locator("#open").ClickAsync(), request => request.Url.Contains("/otp/", StringComparison.Ordinal));
        (await request.AllHeadersAsync()).ShouldNotContainKey("referer");
        await parts.BecomesInteractiveAsync();

        await parts.Field.PressSequentiallyAsync(wanted.Code);

        await ExpectCallsAsync(page, $"finished MyApp {wanted.Id}");
    }

    private async Task<IPage> OpenAsync(Wanted wanted)
    {
        var page = await (await OpenBrowserAsync()).OpenTabAsync();
        await page.GotoAsync($"{stage.Shop.Origin}/peer?id={wanted.Id}");
        return page;
    }

    private static async Task ExpectCallsAsync(IPage page, params string[] events)
    {
        await page.WaitForFunctionAsync("count => window.heard.length >= count", events.Length);
        (await page.EvaluateAsync<string[]>("() => window.heard")).ShouldBe(events);
    }
}
