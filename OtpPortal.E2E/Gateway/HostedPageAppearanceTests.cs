using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E.Gateway;

/// <summary>Tests layout, accessibility and color schemes of the hosted pages and the dialog.</summary>
[Collection(GatewayCollection.Name)]
public sealed class HostedPageAppearanceTests(GatewayStage stage) : BrowserTest(stage)
{
    [Theory]
    [InlineData("en-GB")]
    [InlineData("de-DE")]
    [InlineData("fr-FR")]
    public async Task Pages_fit_a_phone_screen(string locale)
    {
        await VisitAllPagesAsync(
            options => (options.Locale, options.ViewportSize, options.IsMobile, options.HasTouch) =
                (locale, new() { Width = 320, Height = 640 }, true, true),
            async (name, page) => (await new HostedPage(page).ScrollsSidewaysAsync()).ShouldBeFalse($"{name} scrolls sideways"));
    }

    [Fact]
    public async Task Pages_are_accessible()
    {
        var findings = new List<string>();
        await VisitAllPagesAsync(
            static _ => { }, async (name, page) => findings.AddRange(await FindingsAsync(new HostedPage(page), name, 320, 1280)));
        findings.ShouldBeEmpty();
    }

    /// <summary>Visits every page in every visible state.</summary>
    private async Task VisitAllPagesAsync(Action<BrowserNewContextOptions> configure, Func<string, IPage, Task> look)
    {
        var bob = await OpenBrowserAsync(configure);
        bob.IgnoreConsoleErrors("status of 4(00|10)");
        var wanted = await stage.Backend.BeginAsync(
            ("to", ""), ("max_attempts", "2"), ("max_generate", "2"), ("address_description", "We send the bill there."),
            ("channel_description", "The shop wants to know you."));
        var page = await HostedPage.OpenAsync(bob, wanted.Path);
        await look("hosted address page", page.Page);
        await page.Parts.SendCode.ClickAsync();
        await Expect(page.Parts.AddressError).ToBeVisibleAsync();
        await look("hosted address page with an error", page.Page);
        await page.Parts.AddressField.FillAsync(bob.Address);
        await page.Parts.SendCode.ClickAsync();
        await page.BecomesInteractiveAsync();
        await look("hosted code page", page.Page);
        await Expect(page.Parts.Resend).ToBeEnabledAsync();
        await page.Parts.Resend.ClickAsync();
        await Expect(page.Parts.Notice).ToBeVisibleAsync();
        await look("hosted code page after sending again", page.Page);
        await page.Parts.Field.PressSequentiallyAsync(wanted.WrongCode);
        await Expect(page.Parts.Error).ToBeVisibleAsync();
        await look("hosted code page with a wrong code", page.Page);
        await Expect(page.Parts.Field).ToHaveValueAsync("");
        await page.Parts.Field.PressSequentiallyAsync(wanted.WrongCode);
        await Expect(page.Parts.Field).Not.ToBeVisibleAsync();
        await look("hosted page locked", page.Page);

        wanted = await stage.Backend.BeginAsync();
        await page.Page.GotoAsync($"{wanted.Path}?otp={wanted.Code}");
        await page.BecomesInteractiveAsync();
        await look("hosted code page from the link", page.Page);
        await page.Parts.Verify.ClickAsync();
        await Expect(page.Parts.Field).Not.ToBeVisibleAsync();
        await look("hosted page done", page.Page);
        await page.Page.GotoAsync("/otp/MyApp/nothing-like-that");
        await look("hosted page over", page.Page);

        wanted = await stage.Backend.BeginAsync();
        var shop = await ShopPage.OpenAsync(bob, stage.Shop, wanted.Id);
        await shop.OpenDialogAsync();
        await shop.Parts.BecomesInteractiveAsync();
        await Expect(shop.Parts.Field).ToBeFocusedAsync();
        await look("dialog", shop.Page);
        await shop.Parts.Field.PressSequentiallyAsync(wanted.WrongCode);
        await Expect(shop.Parts.Error).ToBeVisibleAsync();
        await look("dialog with a wrong code", shop.Page);
    }
}
