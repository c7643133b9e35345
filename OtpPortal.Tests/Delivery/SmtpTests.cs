using System.Text.RegularExpressions;
using OtpPortal.Delivery;
using OtpPortal.Delivery.Smtp;
using OtpPortal.Tests.Infrastructure;
using OtpPortal.Tests.MagicLinks;

namespace OtpPortal.Tests.Delivery;

/// <summary>Sending mail through a test SMTP server.</summary>
public sealed partial class SmtpTests
{
    private static async Task<BrowserClient> BeginSignInAsync(PortalHost portal, string email = "ann@example.com")
    {
        var browser = portal.NewBrowser();
        (await browser.PostAsync("/login", ("email", email))).Status.ShouldBe(303);
        return browser;
    }

    private static Task WaitForMailAsync(MailServer server) => Eventually.BeTrueAsync(() => server.Mails.Count > 0);

    private static async Task<string> WaitForErrorAsync(PortalHost portal)
    {
        string[] Errors() => [.. portal.Log.Lines.Where(line => line.StartsWith("Error", StringComparison.Ordinal))];
        await Eventually.BeTrueAsync(() => Errors().Length > 0);
        return Errors().ShouldHaveSingleItem();
    }

    [Fact]
    public async Task Sends_a_mail_with_both_parts_and_a_working_code()
    {
        using var server = await MailServer.StartAsync();
        await using var portal = await PortalHost.StartAsync(server.Settings("none"));

        var browser = await BeginSignInAsync(portal);
        await WaitForMailAsync(server);

        var mail = server.Mails.ShouldHaveSingleItem();
        mail.GetProperty("from").GetString().ShouldBe("otp@example.org");
        mail.GetProperty("to").EnumerateArray().Single().GetString().ShouldBe("ann@example.com");
        var content = mail.GetProperty("content").GetString()!;
        content.ShouldContain("From: \"OTP Portal\" <otp@example.org>");
        content.ShouldContain("To: ann@example.com");
        content.ShouldContain("Auto-Submitted: auto-generated", Case.Insensitive);
        content.ShouldContain("Message-ID: <", Case.Insensitive);
        content.ShouldContain("@example.org>");
        content.ShouldContain("=0D=0A", Case.Sensitive, "the ends of lines");
        content.Replace("=0D=0A", "", StringComparison.Ordinal).ShouldNotContain("=0A");
        content.ShouldContain("multipart/alternative");
        content.ShouldContain("text/plain");
        content.ShouldContain("text/html");
        var code = Subject().Match(content).Groups[1].Value;
        code.Length.ShouldBe(6);
        (await browser.PostAsync("/login-otp", ("code", code))).Location.ShouldBe("/");
        portal.Log.Text.ShouldNotContain(code);
    }

    [Theory]
    [InlineData("\"x\" <evil@example.org>, y", "Hello Ann", "To: \"x <evil@example.org>, y\" <ann@example.com>", "Subject: Hello Ann")]
    [InlineData("a\\", "Hello \"Ann\"", "To: \"a\" <ann@example.com>", "Subject: Hello \"Ann\"")]
    [InlineData("\"\"", "Hello Ann", "To: ann@example.com", "Subject: Hello Ann")]
    [InlineData(
        "=?utf-8?q?x=0d=0aBcc:_y@example.org?=", "=?utf-8?q?x=0d=0aBcc:_y@example.org?=",
        "To: \"= ?utf-8?q?x=0d=0aBcc:_y@example.org?=\" <ann@example.com>", "Subject: = ?utf-8?q?x=0d=0aBcc:_y@example.org?=")]
    [InlineData("", "=?utf-8?b?SGVsbG8=?=", "To: ann@example.com", "Subject: = ?utf-8?b?SGVsbG8= ?=")]
    public async Task Names_and_subjects_cannot_inject_mail_headers(string toName, string subject, string to, string shown)
    {
        using var server = await MailServer.StartAsync();
        await using var portal = await PortalHost.StartAsync([.. server.Settings("none"), V2Portal.Setting]);

        var answer = await new V2Client(portal, V2Portal.AdminKey).PostAsync("otp-email/create", new
        {
            otpCreateParams = new { },
            otpEmailCreateParams = new { toEmail = "ann@example.com", toName, serviceName = "Shop", subject, title = "Sign in" },
        });

        answer.Status.ShouldBe(201, answer.Body);
        await WaitForMailAsync(server);
        var mail = server.Mails.ShouldHaveSingleItem();
        mail.GetProperty("to").EnumerateArray().Single().GetString().ShouldBe("ann@example.com");
        var head = mail.GetProperty("content").GetString()!.ReplaceLineEndings("\n").Split("\n\n")[0]
            .Replace("\n ", " ", StringComparison.Ordinal).Split('\n');
        head.Where(line => line.StartsWith("To:", StringComparison.Ordinal)).ShouldBe([to]);
        head.Where(line => line.StartsWith("Subject:", StringComparison.Ordinal)).ShouldBe([shown]);
        head.ShouldNotContain(line => line.StartsWith("Bcc", StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [InlineData(true, 201)]
    [InlineData(false, 502)]
    public async Task Sends_to_an_international_local_part_only_when_the_server_supports_SMTPUTF8(bool international, int status)
    {
        using var server = await MailServer.StartAsync(("international", international));
        await using var portal = await PortalHost.StartAsync([.. server.Settings("none"), V2Portal.Setting]);

        var answer = await new V2Client(portal, V2Portal.AdminKey).PostAsync("otp-email/create", new
        {
            otpCreateParams = new { },
            otpEmailCreateParams = new
            {
                toEmail = "Jörg <jörg@bücher.example>",
                toName = "Jörg",
                serviceName = "Shop",
                subject = "登录",
                title = "登录",
            },
        });

        answer.Status.ShouldBe(status, answer.Body);
        if (international)
        {
            await WaitForMailAsync(server);
            var mail = server.Mails.ShouldHaveSingleItem();
            mail.GetProperty("to").EnumerateArray().Single().GetString().ShouldBe("jörg@xn--bcher-kva.example");
            mail.GetProperty("content").GetString()!.ShouldContain("Subject: 登录");
        }
        else
        {
            server.Mails.ShouldBeEmpty();
            (await WaitForErrorAsync(portal)).ShouldContain("SMTPUTF8");
        }
    }

    [Fact]
    public async Task Authenticates_with_user_name_and_password()
    {
        using var server = await MailServer.StartAsync(("user", "portal"), ("password", "pass word!"));
        await using var portal =
            await PortalHost.StartAsync([.. server.Settings("none"), ("SMTP_USERNAME", "portal"), ("SMTP_PASSWORD", "pass word!")]);

        await BeginSignInAsync(portal);
        await WaitForMailAsync(server);

        server.Mails.ShouldHaveSingleItem().GetProperty("user").GetString().ShouldBe("portal");
    }

    [Fact]
    public async Task Reports_a_wrong_password_as_a_configuration_error_without_logging_it()
    {
        using var server = await MailServer.StartAsync(("user", "portal"), ("password", "right"));
        await using var portal =
            await PortalHost.StartAsync([.. server.Settings("none"), ("SMTP_USERNAME", "portal"), ("SMTP_PASSWORD", "wrong-password")]);

        await BeginSignInAsync(portal);

        var error = await WaitForErrorAsync(portal);
        error.ShouldContain("SMTP_USERNAME and SMTP_PASSWORD");
        portal.Log.Text.ShouldNotContain("wrong-password");
        server.Mails.ShouldBeEmpty();
    }

    [Fact]
    public async Task Reports_that_the_server_requires_authentication()
    {
        using var server = await MailServer.StartAsync(("user", "portal"), ("password", "right"));
        await using var portal = await PortalHost.StartAsync(server.Settings("none"));

        await BeginSignInAsync(portal);

        (await WaitForErrorAsync(portal)).ShouldContain("the server requires SMTP_USERNAME and SMTP_PASSWORD");
    }

    [Theory]
    [InlineData("550 5.1.1 ann@example.com: no such user", "SMTP status 550")]
    [InlineData("553 mailbox name not allowed", "SMTP status 553")]
    public async Task Does_not_retry_a_recipient_that_the_server_refuses(string reply, string reason)
    {
        using var server = await MailServer.StartAsync(("refuse", reply));
        await using var portal = await PortalHost.StartAsync(server.Settings("none"));

        await BeginSignInAsync(portal);

        (await WaitForErrorAsync(portal)).ShouldContain(reason);
        portal.Log.Text.ShouldNotContain("ann@example.com");
    }

    [Fact]
    public async Task Retries_when_the_server_is_busy()
    {
        using var server = await MailServer.StartAsync(("refuse", "451 try later"));
        await using var portal = await PortalHost.StartAsync(server.Settings("none"));

        await BeginSignInAsync(portal);

        await portal.Clock.AdvanceUntilAsync(
            () => portal.Log.Lines.Count(line => line.Contains("retrying in", StringComparison.Ordinal)
                && line.Contains("SMTP status 45", StringComparison.Ordinal)) >= 3,
            TimeSpan.FromMilliseconds(250));
    }

    [Fact]
    public async Task Refuses_an_untrusted_certificate()
    {
        using var server = await MailServer.StartAsync(("tls", true));
        await using var portal = await PortalHost.StartAsync(server.Settings("starttls"));

        await BeginSignInAsync(portal);

        (await WaitForErrorAsync(portal)).ShouldContain("certificate is not valid for SMTP_HOST");
        server.Mails.ShouldBeEmpty();
    }

    [Fact]
    public async Task Sends_no_unencrypted_mail_when_the_server_lacks_STARTTLS()
    {
        using var server = await MailServer.StartAsync();
        await using var portal = await PortalHost.StartAsync(server.Settings("starttls"));

        await BeginSignInAsync(portal);

        (await WaitForErrorAsync(portal)).ShouldContain("STARTTLS");
        server.Mails.ShouldBeEmpty();
    }

    [Fact]
    public async Task Reports_that_the_server_requires_STARTTLS()
    {
        using var server = await MailServer.StartAsync(("tls", true), ("require_tls", true));
        await using var portal = await PortalHost.StartAsync(server.Settings("none"));

        await BeginSignInAsync(portal);

        (await WaitForErrorAsync(portal)).ShouldContain("SMTP_TLS=starttls");
        server.Mails.ShouldBeEmpty();
    }

    [Fact]
    public async Task Sends_encrypted_mail_when_the_system_trusts_the_certificate()
    {
        // The trusted certificates are read once per process, so the portal runs in a separate one.
        using var server = await MailServer.StartAsync(("tls", true), ("require_tls", true));
        using var portal = await PortalProcess.StartAsync([.. server.Settings("starttls"), ("SSL_CERT_FILE", server.CertificateFile!)]);
        using var browser = new BrowserClient(portal.Address);

        await browser.PostAsync("/login", ("email", "ann@example.com"));
        await WaitForMailAsync(server);

        server.Mails.ShouldHaveSingleItem().GetProperty("tls").GetBoolean().ShouldBeTrue();
    }

    [GeneratedRegex("^Subject: .*code is ([0-9]{6})\\r?$", RegexOptions.Multiline, 1000)]
    private static partial Regex Subject();

    [Theory]
    [InlineData("ann..lee@example.com")]
    [InlineData(".ann@example.com")]
    public async Task Refuses_an_address_that_SMTP_cannot_represent(string email)
    {
        var settings = new SmtpSettings("127.0.0.1", FreePort.Next(), null, null, false, new ProviderLimits(TimeSpan.FromSeconds(15), 1));
        var mail = new MailSettings("smtp", null, "otp@example.org", "App", false);

        var outcome = await new SmtpProvider(settings, mail).SendAsync(new Message(email, "s", "t", "<p>h</p>"), CancellationToken.None);

        outcome.ShouldBeOfType<SendOutcome.Refused>();
    }
}
