using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>Tests the mailbox page.</summary>
[Collection(SecondPortal.Name)]
public sealed class MailboxTests(DefaultStage stage) : BrowserTest(stage)
{
    [Fact]
    public async Task A_new_message_appears_without_a_reload_and_can_be_previewed()
    {
        var operatorsBrowser = await OpenBrowserAsync();
        var mailbox = await MailboxPage.OpenAsync(operatorsBrowser);
        var ann = await OpenBrowserAsync();

        var code = await BeginAsync(ann);

        var message = mailbox.To(ann.Address);
        await Expect(message).ToHaveCountAsync(1);
        var right = await Mailbox.CodeAsync(ann.Address);
        await Expect(message.Locator("h2")).ToHaveTextAsync($"Your OTP Portal code is {right}");
        await message.Locator("summary").ClickAsync();
        await Expect(message.FrameLocator("iframe").GetByText(right).First).ToBeVisibleAsync();
        await code.TypeAsync(right);
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
    }
}
