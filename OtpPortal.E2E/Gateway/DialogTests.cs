using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E.Gateway;

/// <summary><c>otp.js</c> on somebody else's page, on another site, under a strict policy of that page.</summary>
[Collection(GatewayCollection.Name)]
public sealed class DialogTests(GatewayStage stage) : BrowserTest(stage)
{
    [Fact]
    public async Task The_code_typed_in_the_dialog_calls_the_page_back_once_and_leaves_it_as_it_was()
    {
        var wanted = await stage.Backend.BeginAsync();
        var shop = await OpenAsync(wanted);
        await shop.Parts.BecomesInteractiveAsync();
        await Expect(shop.Parts.Field).ToBeFocusedAsync();
        (await ScrollsAsync(shop)).ShouldBeFalse("the page behind the dialog stays where it is");

        await shop.Page.TypeKeysAsync(wanted.Code);

        await shop.HearsAsync($"finished MyApp {wanted.Id}");
        await Expect(shop.Dialog).Not.ToBeVisibleAsync();
        await Expect(shop.Page.Locator("#open")).ToBeFocusedAsync();
        (await ScrollsAsync(shop)).ShouldBeTrue();
        (await stage.Backend.IsVerifiedAsync(wanted)).ShouldBeTrue();

        // Escape no longer cancels.
        await shop.Page.PressKeyAsync("Escape");
        // Whoever asks again is told again, at once: it is verified.
        await shop.Page.Locator("#open").ClickAsync();
        await shop.HearsAsync($"finished MyApp {wanted.Id}", $"finished MyApp {wanted.Id}");
        await shop.Page.ReloadAsync();
        await shop.Page.Locator("#open").ClickAsync();
        await shop.HearsAsync($"finished MyApp {wanted.Id}");
    }

    [Fact]
    public async Task The_address_is_asked_for_in_the_dialog_as_well()
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

        await shop.HearsAsync($"finished MyApp {wanted.Id}");
    }

    [Fact]
    public async Task An_id_of_any_characters_works_in_the_dialog_and_without_a_circuit()
    {
        var wanted = await stage.Backend.BeginAsync(("id", $"ann@example.com/é %2F&{Guid.NewGuid():N}"));
        var shop = await OpenAsync(await stage.Backend.BeginAsync());
        await shop.Close.ClickAsync();
        await shop.HearsAsync("cancelled");
        var withoutScript = await HostedPage.OpenAsync(await ArriveWithoutScriptAsync(), wanted.Path);
        await withoutScript.Parts.Field.FillAsync(wanted.WrongCode);
        await withoutScript.Parts.Verify.ClickAsync();
        await Expect(withoutScript.Parts.Error).ToBeVisibleAsync();

        await shop.Page.EvaluateAsync("id => window.verify('MyApp', id)", wanted.Id);
        await shop.Parts.BecomesInteractiveAsync();
        await shop.Parts.Field.PressSequentiallyAsync(wanted.Code);

        await shop.HearsAsync("cancelled", $"finished MyApp {wanted.Id}");
        (await stage.Backend.IsVerifiedAsync(wanted)).ShouldBeTrue();
    }

    [Fact]
    public async Task Another_devices_success_closes_the_dialog()
    {
        var wanted = await stage.Backend.BeginAsync();
        var shop = await OpenAsync(wanted);
        await shop.Parts.BecomesInteractiveAsync();
        var phone = await HostedPage.OpenInteractiveAsync(await ArriveAsync(), $"{wanted.Path}?otp={wanted.Code}");

        await phone.Parts.Verify.ClickAsync();

        await shop.HearsAsync($"finished MyApp {wanted.Id}");
    }

    [Fact]
    public async Task Escape_closes_it_from_within_the_frame()
    {
        var shop = await OpenAsync(await stage.Backend.BeginAsync());
        await Expect(shop.Parts.Field).ToBeFocusedAsync();
        // This one only ends the choice of a Chinese character.
        await shop.Parts.Field.EvaluateAsync(
            "field => field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', isComposing: true, bubbles: true }))");
        await shop.Parts.Field.EvaluateAsync("field => new Promise(resolve => setTimeout(resolve))");
        (await shop.HeardAsync()).ShouldBeEmpty();

        await shop.Page.PressKeyAsync("Escape");

        await WasCancelledAsync(shop);
    }

    [Fact]
    public async Task Escape_closes_it_from_outside_the_frame()
    {
        var shop = await OpenAsync(await stage.Backend.BeginAsync());
        await Expect(shop.Parts.Field).ToBeFocusedAsync();
        await shop.Close.FocusAsync();

        await shop.Page.PressKeyAsync("Escape");

        await WasCancelledAsync(shop);
    }

    [Fact]
    public async Task Its_button_closes_it()
    {
        var shop = await OpenAsync(await stage.Backend.BeginAsync());

        await shop.Close.ClickAsync();

        await WasCancelledAsync(shop);
    }

    [Fact]
    public async Task A_click_outside_closes_it_and_one_inside_does_not()
    {
        var shop = await OpenAsync(await stage.Backend.BeginAsync());
        var box = (await shop.Dialog.BoundingBoxAsync())!;
        var button = (await shop.Close.BoundingBoxAsync())!;
        // Beside the button, on the dialog itself.
        await shop.Page.Mouse.ClickAsync(box.X + 20, button.Y + (button.Height / 2));
        await shop.Parts.Main.ClickAsync();
        await Expect(shop.Dialog).ToBeVisibleAsync();

        await shop.Page.Mouse.ClickAsync(box.X - 20, box.Y + 20);

        await WasCancelledAsync(shop);
    }

    [Fact]
    public async Task The_keyboard_stays_in_the_dialog()
    {
        var shop = await OpenAsync(await stage.Backend.BeginAsync());
        await Expect(shop.Parts.Field).ToBeFocusedAsync();
        var seen = new HashSet<string>();

        // Twice around and more; and on a slow machine, where the frame's process may miss a key, until there was a turn for everybody.
        for (var i = 0; i < 24 || (i < 200 && seen.Count < 3); i++)
        {
            await shop.Page.PressKeyAsync("Tab");
            seen.Add(
                await shop.Page.EvaluateAsync<string>(
                    "() => (document.activeElement?.shadowRoot?.activeElement ?? document.activeElement)?.localName ?? 'body'"));
        }

        // The body is where the browser's own buttons would have their turn.
        seen.ShouldBe(["iframe", "body", "button"], ignoreOrder: true);
        (await shop.Page.Locator("#open").EvaluateAsync<bool>("button => button.matches(':focus')")).ShouldBeFalse();
        await Expect(shop.Dialog).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Several_come_one_after_another_and_even_at_once()
    {
        var (first, second) = (await stage.Backend.BeginAsync(), await stage.Backend.BeginAsync());
        var shop = await OpenAsync(first);
        await shop.Close.ClickAsync();
        await shop.HearsAsync("cancelled");
        await shop.OpenDialogAsync();
        await shop.Parts.BecomesInteractiveAsync();
        await shop.Parts.Field.PressSequentiallyAsync(first.Code);
        await shop.HearsAsync("cancelled", $"finished MyApp {first.Id}");

        var third = await stage.Backend.BeginAsync();
        await shop.Page.EvaluateAsync("ids => ids.forEach(id => window.verify('MyApp', id))", new[] { second.Id, third.Id });
        await Expect(shop.Page.Locator("dialog")).ToHaveCountAsync(2);
        (await stage.Backend.CheckAsync(second, second.Code)).ShouldBeTrue();
        await shop.HearsAsync("cancelled", $"finished MyApp {first.Id}", $"finished MyApp {second.Id}");
        (await ScrollsAsync(shop)).ShouldBeFalse("one is still open");
        (await stage.Backend.CheckAsync(third, third.Code)).ShouldBeTrue();
        await shop.HearsAsync("cancelled", $"finished MyApp {first.Id}", $"finished MyApp {second.Id}", $"finished MyApp {third.Id}");
        await Expect(shop.Page.Locator("dialog")).ToHaveCountAsync(0);
        (await ScrollsAsync(shop)).ShouldBeTrue();
    }

    [Fact]
    public async Task On_a_phone_it_fills_the_screen_and_nothing_covers_the_page()
    {
        var bob = await ArriveAsync(
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
    public async Task Its_labels_are_in_the_browsers_language(string locale, string title, string close)
    {
        var bob = await ArriveAsync(options => options.Locale = locale);
        var shop = await ShopPage.OpenAsync(bob, stage.Shop, (await stage.Backend.BeginAsync()).Id);
        await shop.OpenDialogAsync();

        await Expect(shop.Page.GetByRole(AriaRole.Dialog, new() { Name = title, Exact = true })).ToBeVisibleAsync();
        await Expect(shop.Frame).ToHaveAttributeAsync("title", title);
        await shop.Dialog.GetByRole(AriaRole.Button, new() { Name = close, Exact = true }).ClickAsync();
        await WasCancelledAsync(shop);
    }

    [Fact]
    public async Task Another_language_can_be_chosen_in_the_frame_where_no_cookie_is_kept()
    {
        var wanted = await stage.Backend.BeginAsync();
        var shop = await OpenAsync(wanted);
        await shop.Parts.Language("Français").ClickAsync();
        await Expect(shop.Parts.Html).ToHaveAttributeAsync("lang", "fr");
        await shop.Parts.BecomesInteractiveAsync();

        // Written by the circuit.
        await shop.Parts.Field.PressSequentiallyAsync(wanted.WrongCode);
        await Expect(shop.Parts.Error).ToContainTextAsync("Code incorrect");
        await shop.Parts.Field.PressSequentiallyAsync(wanted.Code);
        await shop.HearsAsync($"finished MyApp {wanted.Id}");
    }

    [Fact]
    public async Task What_is_over_says_so_and_can_be_closed()
    {
        var bob = await ArriveAsync();
        bob.Tolerates("status of 410");
        var shop = await ShopPage.OpenAsync(bob, stage.Shop, "nothing-like-that");
        await shop.OpenDialogAsync();
        await shop.Parts.IsOverAsync();
        await shop.Parts.Main.ClickAsync();

        await shop.Page.PressKeyAsync("Escape");

        await WasCancelledAsync(shop);
    }

    [Fact]
    public async Task Sites_that_are_not_named_cannot_frame_it()
    {
        var wanted = await stage.Backend.BeginAsync();
        var bob = await ArriveAsync();
        bob.Tolerates("frame-ancestors|X-Frame-Options");
        var shop = await ShopPage.OpenAsync(bob, stage.Stranger, wanted.Id);
        await shop.OpenDialogAsync();
        await Expect(shop.Parts.Html).Not.ToContainTextAsync(wanted.To);
        await Expect(shop.Parts.Field).ToHaveCountAsync(0);
        await shop.Close.ClickAsync();
        await WasCancelledAsync(shop);

        // Nor by saying that they are somebody else.
        var of = Uri.EscapeDataString($"{Portal.Url}{wanted.Path}?view=popup&origin={stage.Shop.Origin}");
        var trap = await bob.OpenTabAsync();
        await trap.GotoAsync($"{stage.Stranger.Origin}/frame?of={of}");
        await Expect(trap.FrameLocator("iframe").Locator("#otp")).ToHaveCountAsync(0);
        bob.Complaints.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_site_that_poses_as_another_one_is_told_nothing()
    {
        var wanted = await stage.Backend.BeginAsync();
        var bob = await ArriveAsync();
        bob.Tolerates("target origin");
        var trap = await bob.OpenTabAsync();
        await trap.GotoAsync(
            $"{stage.Partner.Origin}/frame?of={Uri.EscapeDataString($"{Portal.Url}{wanted.Path}?view=popup&origin={stage.Shop.Origin}")}");
        var parts = new VerificationParts(selector => trap.FrameLocator("iframe").Locator(selector));
        await parts.BecomesInteractiveAsync();

        await parts.Field.PressSequentiallyAsync(wanted.Code);
        await parts.IsDoneAsync();
        await trap.PressKeyAsync("Escape");

        // The same frame tells the one it was opened for: so both messages were sent off, and this one has heard neither.
        var shop = await ShopPage.OpenAsync(bob, stage.Shop, wanted.Id);
        await shop.Page.Locator("#open").ClickAsync();
        await shop.HearsAsync($"finished MyApp {wanted.Id}");
        (await trap.EvaluateAsync<int>("() => window.messages.length")).ShouldBe(0);
    }

    [Fact]
    public async Task Forged_messages_are_not_believed()
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
        (await shop.HeardAsync()).ShouldBeEmpty();
        await shop.Close.ClickAsync();
        await WasCancelledAsync(shop);
    }

    private async Task<ShopPage> OpenAsync(Wanted wanted, string? tolerated = null)
    {
        var bob = await ArriveAsync();
        if (tolerated is not null) bob.Tolerates(tolerated);
        var shop = await ShopPage.OpenAsync(bob, stage.Shop, wanted.Id);
        await shop.OpenDialogAsync();
        return shop;
    }

    private static async Task WasCancelledAsync(ShopPage shop)
    {
        await shop.HearsAsync("cancelled");
        await Expect(shop.Dialog).Not.ToBeVisibleAsync();
        await Expect(shop.Page.Locator("#open")).ToBeFocusedAsync();
    }

    /// <summary>Whether the wheel moves the page behind.</summary>
    private static async Task<bool> ScrollsAsync(ShopPage shop) =>
        await shop.Page.EvaluateAsync<bool>(
            "() => getComputedStyle(document.documentElement).overflowY !== 'hidden' && document.documentElement.scrollHeight > "
                + "innerHeight");
}
