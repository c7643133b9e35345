using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E.Gateway;

/// <summary>Tests <c>otp.js</c> on a page of another site with a strict CSP.</summary>
[Collection(GatewayCollection.Name)]
public sealed class DialogTests(GatewayStage stage) : BrowserTest(stage)
{
    [Fact]
    public async Task A_correct_code_calls_back_once_and_restores_the_page()
    {
        var wanted = await stage.Backend.BeginAsync();
        var shop = await OpenAsync(wanted);
        await shop.Parts.BecomesInteractiveAsync();
        await Expect(shop.Parts.Field).ToBeFocusedAsync();
        (await ScrollsAsync(shop)).ShouldBeFalse("the page behind the dialog stays where it is");

        await shop.Page.TypeKeysAsync(wanted.Code);

        await shop.ExpectCallsAsync($"finished MyApp {wanted.Id}");
        await Expect(shop.Dialog).Not.ToBeVisibleAsync();
        await Expect(shop.Page.Locator("#open")).ToBeFocusedAsync();
        (await ScrollsAsync(shop)).ShouldBeTrue();
        (await stage.Backend.IsVerifiedAsync(wanted)).ShouldBeTrue();

        // Escape no longer cancels.
        await shop.Page.PressKeyAsync("Escape");
        // Opening the dialog again reports the success immediately.
        await shop.Page.Locator("#open").ClickAsync();
        await shop.ExpectCallsAsync($"finished MyApp {wanted.Id}", $"finished MyApp {wanted.Id}");
        await shop.Page.ReloadAsync();
        await shop.Page.Locator("#open").ClickAsync();
        await shop.ExpectCallsAsync($"finished MyApp {wanted.Id}");
    }

    [Fact]
    public async Task The_dialog_asks_for_a_missing_address()
    {
        var wanted = await stage.Backend.BeginAsync(("to", ""));
        var shop = await OpenAsync(wanted, "status of 400");
        var address = $"bob.{Guid.NewGuid():N}@example.com";
        await Expect(shop.Parts.AddressField).ToBeFocusedAsync();
        await shop.Page.TypeKeysAsync("bob");
        await shop.Page.PressKeyAsync("Enter");
        await Expect(shop.Parts.AddressError).ToBeVisibleAsync();
        await shop.Parts.AddressField.FillAsync(address);
        await shop.Parts.SendCode.ClickAsync();
        await shop.Parts.BecomesInteractiveAsync();
        await Expect(shop.Parts.Field).ToBeFocusedAsync();

        await shop.Page.TypeKeysAsync(wanted.Code);

        await shop.ExpectCallsAsync($"finished MyApp {wanted.Id}");
    }

    [Fact]
    public async Task An_id_with_special_characters_works_in_the_dialog_and_without_a_circuit()
    {
        var wanted = await stage.Backend.BeginAsync(("id", $"ann@example.com/é %2F&{Guid.NewGuid():N}"));
        var shop = await OpenAsync(await stage.Backend.BeginAsync());
        await shop.Close.ClickAsync();
        await shop.ExpectCallsAsync("cancelled");
        var withoutScript = await HostedPage.OpenAsync(await OpenBrowserWithoutScriptAsync(), wanted.Path);
        await withoutScript.Parts.Field.FillAsync(wanted.WrongCode);
        await withoutScript.Parts.Verify.ClickAsync();
        await Expect(withoutScript.Parts.Error).ToBeVisibleAsync();

        await shop.Page.EvaluateAsync("id => window.verify('MyApp', id)", wanted.Id);
        await shop.Parts.BecomesInteractiveAsync();
        await shop.Parts.Field.PressSequentiallyAsync(wanted.Code);

        await shop.ExpectCallsAsync("cancelled", $"finished MyApp {wanted.Id}");
        (await stage.Backend.IsVerifiedAsync(wanted)).ShouldBeTrue();
    }

    [Fact]
    public async Task A_success_on_another_device_closes_the_dialog()
    {
        var wanted = await stage.Backend.BeginAsync();
        var shop = await OpenAsync(wanted);
        await shop.Parts.BecomesInteractiveAsync();
        var phone = await HostedPage.OpenInteractiveAsync(await OpenBrowserAsync(), $"{wanted.Path}?otp={wanted.Code}");

        await phone.Parts.Verify.ClickAsync();

        await shop.ExpectCallsAsync($"finished MyApp {wanted.Id}");
    }

    [Fact]
    public async Task Escape_inside_the_frame_closes_the_dialog()
    {
        var shop = await OpenAsync(await stage.Backend.BeginAsync());
        await Expect(shop.Parts.Field).ToBeFocusedAsync();
        // During IME composition, Escape only ends the composition.
        await shop.Parts.Field.EvaluateAsync(
            "field => field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', isComposing: true, bubbles: true }))");
        await shop.Parts.Field.EvaluateAsync("field => new Promise(resolve => setTimeout(resolve))");
        (await shop.CallsAsync()).ShouldBeEmpty();

        await shop.Page.PressKeyAsync("Escape");

        await ShouldBeCancelledAsync(shop);
    }

    [Fact]
    public async Task Escape_outside_the_frame_closes_the_dialog()
    {
        var shop = await OpenAsync(await stage.Backend.BeginAsync());
        await Expect(shop.Parts.Field).ToBeFocusedAsync();
        await shop.Close.FocusAsync();

        await shop.Page.PressKeyAsync("Escape");

        await ShouldBeCancelledAsync(shop);
    }

    [Fact]
    public async Task The_close_button_closes_the_dialog()
    {
        var shop = await OpenAsync(await stage.Backend.BeginAsync());

        await shop.Close.ClickAsync();

        await ShouldBeCancelledAsync(shop);
    }

    [Fact]
    public async Task A_click_outside_closes_the_dialog_and_a_click_inside_does_not()
    {
        var shop = await OpenAsync(await stage.Backend.BeginAsync());
        var box = (await shop.Dialog.BoundingBoxAsync())!;
        var button = (await shop.Close.BoundingBoxAsync())!;
        // Next to the button, on the dialog itself.
        await shop.Page.Mouse.ClickAsync(box.X + 20, button.Y + (button.Height / 2));
        await shop.Parts.Main.ClickAsync();
        await Expect(shop.Dialog).ToBeVisibleAsync();

        await shop.Page.Mouse.ClickAsync(box.X - 20, box.Y + 20);

        await ShouldBeCancelledAsync(shop);
    }

    [Fact]
    public async Task Keyboard_focus_stays_in_the_dialog()
    {
        var shop = await OpenAsync(await stage.Backend.BeginAsync());
        await Expect(shop.Parts.Field).ToBeFocusedAsync();
        var seen = new HashSet<string>();

        // More than two rounds. On a slow machine, continues until each element was focused.
        for (var i = 0; i < 24 || (i < 200 && seen.Count < 3); i++)
        {
            await shop.Page.PressKeyAsync("Tab");
            seen.Add(
                await shop.Page.EvaluateAsync<string>(
                    "() => (document.activeElement?.shadowRoot?.activeElement ?? document.activeElement)?.localName ?? 'body'"));
        }

        // The body represents the browser's own controls.
        seen.ShouldBe(["iframe", "body", "button"], ignoreOrder: true);
        (await shop.Page.Locator("#open").EvaluateAsync<bool>("button => button.matches(':focus')")).ShouldBeFalse();
        await Expect(shop.Dialog).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Several_dialogs_can_be_opened_in_sequence_and_concurrently()
    {
        var (first, second) = (await stage.Backend.BeginAsync(), await stage.Backend.BeginAsync());
        var shop = await OpenAsync(first);
        await shop.Close.ClickAsync();
        await shop.ExpectCallsAsync("cancelled");
        await shop.OpenDialogAsync();
        await shop.Parts.BecomesInteractiveAsync();
        await shop.Parts.Field.PressSequentiallyAsync(first.Code);
        await shop.ExpectCallsAsync("cancelled", $"finished MyApp {first.Id}");

        var third = await stage.Backend.BeginAsync();
        await shop.Page.EvaluateAsync("ids => ids.forEach(id => window.verify('MyApp', id))", new[] { second.Id, third.Id });
        await Expect(shop.Page.Locator("dialog")).ToHaveCountAsync(2);
        (await stage.Backend.CheckAsync(second, second.Code)).ShouldBeTrue();
        await shop.ExpectCallsAsync("cancelled", $"finished MyApp {first.Id}", $"finished MyApp {second.Id}");
        (await ScrollsAsync(shop)).ShouldBeFalse("one is still open");
        (await stage.Backend.CheckAsync(third, third.Code)).ShouldBeTrue();
        await shop.ExpectCallsAsync("cancelled", $"finished MyApp {first.Id}", $"finished MyApp {second.Id}", $"finished MyApp {third.Id}");
        await Expect(shop.Page.Locator("dialog")).ToHaveCountAsync(0);
        (await ScrollsAsync(shop)).ShouldBeTrue();
    }

    [Fact]
    public async Task The_dialog_fills_a_phone_screen_without_overlapping_elements()
    {
        var bob = await OpenBrowserAsync(
            options => (options.ViewportSize, options.IsMobile, options.HasTouch) = (new() { Width = 320, Height = 568 }, true, true));
        var shop = await ShopPage.OpenAsync(bob, stage.Shop, (await stage.Backend.BeginAsync()).Id);
        await shop.OpenDialogAsync();
        await shop.Parts.BecomesInteractiveAsync();

        var dialog = (await shop.Dialog.BoundingBoxAsync())!;
        (dialog.X, dialog.Y, dialog.Width, dialog.Height).ShouldBe((0, 0, 320, 568));
        var (button, frame) = ((await shop.Close.BoundingBoxAsync())!, (await shop.Frame.BoundingBoxAsync())!);
        (button.Y + button.Height).ShouldBeLessThanOrEqualTo(frame.Y, "the button stands above the page");
        button.Width.ShouldBeGreaterThanOrEqualTo(44);
        (await shop.Parts.Html.EvaluateAsync<bool>("page => page.scrollWidth > page.clientWidth"))
            .ShouldBeFalse("the page in the frame scrolls sideways");
    }

    [Theory]
    [InlineData("en-GB", "Verification", "Close")]
    [InlineData("de-DE", "Bestätigung", "Schließen")]
    [InlineData("fr-FR", "Vérification", "Fermer")]
    [InlineData("es-ES", "Verificación", "Cerrar")]
    [InlineData("zh-CN", "验证", "关闭")]
    [InlineData("ja-JP", "Verification", "Close")]
    public async Task The_dialog_labels_use_the_language_of_the_browser(string locale, string title, string close)
    {
        var bob = await OpenBrowserAsync(options => options.Locale = locale);
        var shop = await ShopPage.OpenAsync(bob, stage.Shop, (await stage.Backend.BeginAsync()).Id);
        await shop.OpenDialogAsync();

        await Expect(shop.Page.GetByRole(AriaRole.Dialog, new() { Name = title, Exact = true })).ToBeVisibleAsync();
        await Expect(shop.Frame).ToHaveAttributeAsync("title", title);
        await shop.Dialog.GetByRole(AriaRole.Button, new() { Name = close, Exact = true }).ClickAsync();
        await ShouldBeCancelledAsync(shop);
    }

    [Fact]
    public async Task The_language_can_be_changed_in_the_frame_without_cookies()
    {
        var wanted = await stage.Backend.BeginAsync();
        var shop = await OpenAsync(wanted);
        await shop.Parts.Language("Français").ClickAsync();
        await Expect(shop.Parts.Html).ToHaveAttributeAsync("lang", "fr");
        await shop.Parts.BecomesInteractiveAsync();

        // Rendered by the circuit.
        await shop.Parts.Field.PressSequentiallyAsync(wanted.WrongCode);
        await Expect(shop.Parts.Error).ToContainTextAsync("Code incorrect");
        await shop.Parts.Field.PressSequentiallyAsync(wanted.Code);
        await shop.ExpectCallsAsync($"finished MyApp {wanted.Id}");
    }

    [Fact]
    public async Task An_expired_verification_shows_a_message_and_can_be_closed()
    {
        var bob = await OpenBrowserAsync();
        bob.IgnoreConsoleErrors("status of 410");
        var shop = await ShopPage.OpenAsync(bob, stage.Shop, "nothing-like-that");
        await shop.OpenDialogAsync();
        await shop.Parts.IsExpiredAsync();
        await shop.Parts.Main.ClickAsync();

        await shop.Page.PressKeyAsync("Escape");

        await ShouldBeCancelledAsync(shop);
    }

    [Fact]
    public async Task A_site_outside_EMBED_ORIGINS_cannot_frame_the_page()
    {
        var wanted = await stage.Backend.BeginAsync();
        var bob = await OpenBrowserAsync();
        bob.IgnoreConsoleErrors("frame-ancestors|X-Frame-Options");
        var shop = await ShopPage.OpenAsync(bob, stage.Stranger, wanted.Id);
        await shop.OpenDialogAsync();
        await Expect(shop.Parts.Html).Not.ToContainTextAsync(wanted.To);
        await Expect(shop.Parts.Field).ToHaveCountAsync(0);
        await shop.Close.ClickAsync();
        await ShouldBeCancelledAsync(shop);

        // A forged origin parameter does not help either.
        var of = Uri.EscapeDataString($"{Portal.Url}{wanted.Path}?view=popup&origin={stage.Shop.Origin}");
        var trap = await bob.OpenTabAsync();
        await trap.GotoAsync($"{stage.Stranger.Origin}/frame?of={of}");
        await Expect(trap.FrameLocator("iframe").Locator("#otp")).ToHaveCountAsync(0);
        bob.ConsoleErrors.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_site_that_forges_its_origin_receives_no_messages()
    {
        var wanted = await stage.Backend.BeginAsync();
        var bob = await OpenBrowserAsync();
        bob.IgnoreConsoleErrors("target origin");
        var trap = await bob.OpenTabAsync();
        await trap.GotoAsync(
            $"{stage.Partner.Origin}/frame?of={Uri.EscapeDataString($"{Portal.Url}{wanted.Path}?view=popup&origin={stage.Shop.Origin}")}");
        var parts = new VerificationParts(selector => trap.FrameLocator("iframe").Locator(selector));
        await parts.BecomesInteractiveAsync();

        await parts.Field.PressSequentiallyAsync(wanted.Code);
        await parts.IsDoneAsync();
        await trap.PressKeyAsync("Escape");

        // The frame posts its messages to the intended origin, so both were sent, but this page received neither.
        var shop = await ShopPage.OpenAsync(bob, stage.Shop, wanted.Id);
        await shop.Page.Locator("#open").ClickAsync();
        await shop.ExpectCallsAsync($"finished MyApp {wanted.Id}");
        (await trap.EvaluateAsync<int>("() => window.messages.length")).ShouldBe(0);
    }

    [Fact]
    public async Task Forged_messages_are_ignored()
    {
        var wanted = await stage.Backend.BeginAsync();
        var shop = await OpenAsync(wanted);
        await shop.Page.EvaluateAsync("""
            id => {
                const forged = { otpgateway: 'finished', namespace: 'MyApp', id };
                window.postMessage(forged, '*');
                const other = document.body.appendChild(document.createElement('iframe'));
                other.contentWindow.parent.postMessage(forged, '*');
                window.postMessage(null, '*');
                window.postMessage('finished', '*');
            }
            """, wanted.Id);
        await shop.Page.WaitForFunctionAsync("() => window.messages.length >= 4");

        await Expect(shop.Dialog).ToBeVisibleAsync();
        (await shop.CallsAsync()).ShouldBeEmpty();
        await shop.Close.ClickAsync();
        await ShouldBeCancelledAsync(shop);
    }

    private async Task<ShopPage> OpenAsync(Wanted wanted, string? tolerated = null)
    {
        var bob = await OpenBrowserAsync();
        if (tolerated is not null) bob.IgnoreConsoleErrors(tolerated);
        var shop = await ShopPage.OpenAsync(bob, stage.Shop, wanted.Id);
        await shop.OpenDialogAsync();
        return shop;
    }

    private static async Task ShouldBeCancelledAsync(ShopPage shop)
    {
        await shop.ExpectCallsAsync("cancelled");
        await Expect(shop.Dialog).Not.ToBeVisibleAsync();
        await Expect(shop.Page.Locator("#open")).ToBeFocusedAsync();
    }

    /// <summary>Returns whether the page behind the dialog can be scrolled.</summary>
    private static async Task<bool> ScrollsAsync(ShopPage shop) =>
        await shop.Page.EvaluateAsync<bool>(
            "() => getComputedStyle(document.documentElement).overflowY !== 'hidden' && document.documentElement.scrollHeight > "
                + "innerHeight");
}
