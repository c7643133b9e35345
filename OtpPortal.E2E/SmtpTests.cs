using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>A portal that sends email through an SMTP server.</summary>
public sealed class SmtpStage : Stage
{
    public SmtpServer Server { get; } = new();

    protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["MAIL_TRANSPORT"] = "smtp",
        ["SMTP_HOST"] = "127.0.0.1",
        ["SMTP_PORT"] = $"{Server.Port}",
        ["SMTP_TLS"] = "none",
        ["MAIL_FROM"] = "portal@example.com",
        ["APP_NAME"] = "Ærø & Søn",
    };

    public override async Task InitializeAsync()
    {
        await Server.StartAsync();
        await base.InitializeAsync();
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        await Server.DisposeAsync();
    }
}

/// <summary>Tests sending the code by SMTP.</summary>
public sealed class SmtpTests(SmtpStage stage) : BrowserTest(stage), IClassFixture<SmtpStage>
{
    [Fact]
    public async Task The_code_is_sent_by_SMTP_and_signs_in()
    {
        var ann = await OpenBrowserAsync();
        var code = await BeginAsync(ann);

        var mail = await stage.Server.MailToAsync(ann.Address);

        await Expect(code.Progress).ToContainTextAsync("Sent.");
        mail.Subject.ShouldBe($"Your Ærø & Søn code is {mail.Code}");
        mail.Text.ShouldContain(mail.Code);
        mail.Text.ShouldContain("5 minutes");
        mail.Html.ShouldContain(mail.Code);
        await code.TypeAsync(mail.Code);
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
        (await Mailbox.ToAsync(ann.Address)).ShouldBeEmpty("messages that are really sent are not shown in the mailbox");
    }
}
