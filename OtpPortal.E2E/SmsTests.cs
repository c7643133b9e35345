using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>A portal with a user directory. The mailbox shows the SMS messages.</summary>
public sealed class SmsStage : Stage
{
    public const string Address = "ann@directory.example";
    public const string Phone = "+4915123456789";

    private readonly string _folder = Directory.CreateTempSubdirectory("otpportal-e2e-").FullName;

    protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["USERS_FILE"] = Path.Combine(_folder, "users.json"),
        ["SMS_PROVIDERS"] = "mailbox",
        ["SMS_COUNTRIES"] = "DE",
    };

    public override async Task InitializeAsync()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "users.json"), $$"""[{"mail":"{{Address}}","phonenumber":"{{Phone}}"}]""");
        await base.InitializeAsync();
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>Tests receiving the code by SMS or email.</summary>
public sealed class SmsTests(SmsStage stage) : BrowserTest(stage), IClassFixture<SmsStage>
{
    [Fact]
    public async Task The_code_from_the_SMS_signs_in()
    {
        var ann = await OpenBrowserAsync(options => options.ViewportSize = new() { Width = 320, Height = 640 });
        var start = await AddressPage.OpenInteractiveAsync(ann);
        await Expect(start.Page.GetByLabel("SMS")).ToBeCheckedAsync();
        (await start.ScrollsSidewaysAsync()).ShouldBeFalse();
        (await start.AxeFindingsAsync("address page with the choice")).ShouldBeEmpty();

        var code = await start.SendToAsync(SmsStage.Address);
        await code.BecomesInteractiveAsync();
        var sms = await Mailbox.MailAsync(SmsStage.Phone);
        await Expect(code.Page.Locator("main")).ToContainTextAsync($"we sent by SMS to the phone number on file for {SmsStage.Address}.");
        (await code.AxeFindingsAsync("code page after an SMS")).ShouldBeEmpty();
        await code.TypeAsync(sms.Text[(sms.Text.LastIndexOf('#') + 1)..]);

        await SignedInPage.IsShownAsync(code.Page, SmsStage.Address);
    }

    [Fact]
    public async Task Email_can_be_selected_without_JavaScript()
    {
        var ann = await OpenBrowserWithoutScriptAsync();
        var start = await AddressPage.OpenAsync(ann);
        await start.Page.GetByText("Email", new() { Exact = true }).ClickAsync();

        var code = await start.SendToAsync(SmsStage.Address);
        await code.SubmitAsync(await Mailbox.CodeAsync(SmsStage.Address));

        await SignedInPage.IsShownAsync(code.Page, SmsStage.Address);
    }
}
