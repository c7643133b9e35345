using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
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

    [Theory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task Pages_are_accessible(ColorScheme scheme)
    {
        var findings = new List<string>();
        await VisitAllPagesAsync(
            options => (options.ColorScheme, options.ViewportSize) = (scheme, new() { Width = 320, Height = 720 }), async (name, page) =>
        {
            var result = await page.RunAxe().WaitAsync(Until.DefaultTimeout);
            findings.AddRange(
                result.Violations.Select(
                    violation => $"{name}: {violation.Id}: {violation.Help}\n{string.Join('\n', violation.Nodes.Select(Describe))}"));
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
        async (name, page) => await page.ScreenshotAsync(
            new() { Path = Path.Combine(PicturesTheoryAttribute.Folder!, $"{name.Replace(' ', '-')}-{width}-{scheme}.png") }));

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

    private static string Describe(AxeResultNode node) => $"    {node.Html} — {string.Join("; ", node.Any.Select(check => check.Message))}";
}
