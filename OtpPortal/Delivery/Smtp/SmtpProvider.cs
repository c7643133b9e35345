using System.Net;
using System.Net.Mail;
using System.Net.Mime;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;

namespace OtpPortal.Delivery.Smtp;

/// <summary>Sends mail to an SMTP server (RFC 5321), with STARTTLS (RFC 3207) unless SMTP_TLS is none.</summary>
/// <remarks>Uses .NET's client, because some registries lack MailKit. It has no implicit TLS (port 465).</remarks>
internal sealed class SmtpProvider(SmtpSettings settings, MailSettings mail) : IMessageProvider
{
    internal const string ProviderName = "smtp";

    public string Name => ProviderName;

    public async Task<SendOutcome> SendAsync(Message message, CancellationToken stop)
    {
        // .NET's client throws for addresses that SMTP cannot carry.
        if (!MailAddress.TryCreate(message.To, out var to))
        {
            return new SendOutcome.Refused("the recipient's address has dots where SMTP does not allow them");
        }
        using var client = new SmtpClient(settings.Host, settings.Port)
        {
            EnableSsl = settings.StartTls,
            // RFC 6531 only for addresses that need it, because every server understands ASCII.
            DeliveryFormat = Ascii.IsValid(to.User) ? SmtpDeliveryFormat.SevenBit : SmtpDeliveryFormat.International,
        };
        if (settings.UserName is not null) client.Credentials = new NetworkCredential(settings.UserName, settings.Password);
        // .NET's client does not escape names in quotation marks, and decodes subjects.
        using var envelope = new MailMessage(
            new MailAddress(mail.From, HeaderText.Name(mail.FromName), Encoding.UTF8),
            message.ToName.Length == 0 ? to : new MailAddress(to.Address, HeaderText.Name(message.ToName), Encoding.UTF8))
        {
            Subject = HeaderText.Subject(message.Subject),
            SubjectEncoding = Encoding.UTF8,
            Body = NormalizeLineEndings(message.Text),
            BodyEncoding = Encoding.UTF8,
            BodyTransferEncoding = TransferEncoding.QuotedPrintable,
        };
        using var html = AlternateView.CreateAlternateViewFromString(
            NormalizeLineEndings(message.Html), Encoding.UTF8, MediaTypeNames.Text.Html);
        html.TransferEncoding = TransferEncoding.QuotedPrintable;
        envelope.AlternateViews.Add(html);
        // Prevents automatic replies (RFC 3834).
        envelope.Headers.Add("Auto-Submitted", "auto-generated");
        // Large providers reject mail without one (RFC 5322, 3.6.4), and not every server adds it.
        envelope.Headers.Add("Message-ID", $"<{Guid.NewGuid():N}@{new MailAddress(mail.From).Host}>");
        try
        {
            await client.SendMailAsync(envelope, stop);
            return new SendOutcome.Accepted();
        }
        catch (SmtpException e) when (e.Message.Contains("local-part", StringComparison.Ordinal))
        {
            return new SendOutcome.Refused("the server does not support non-ASCII characters before the @ (no SMTPUTF8)");
        }
        catch (SmtpException e)
        {
            return Interpret(e);
        }
        catch (AuthenticationException)
        {
            return new SendOutcome.Misconfigured("the server's TLS certificate is not valid for SMTP_HOST");
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            return new SendOutcome.Temporary("the connection was lost");
        }
    }

    // Lines in mail end with CRLF (RFC 2045, 6.7), and .NET's client does not convert line breaks.
    private static string NormalizeLineEndings(string text) => text.ReplaceLineEndings("\r\n");

    private SendOutcome Interpret(SmtpException e)
    {
        if (e.InnerException is AuthenticationException)
        {
            return new SendOutcome.Misconfigured("the server's TLS certificate is not valid for SMTP_HOST");
        }
        var code = (int)e.StatusCode;
        return e.StatusCode switch
        {
            // 530 means "STARTTLS first" (RFC 3207) or "authenticate first" (RFC 4954), which also follows a failed attempt.
            SmtpStatusCode.MustIssueStartTlsFirst when e.Message.Contains("STARTTLS", StringComparison.OrdinalIgnoreCase) =>
                new SendOutcome.Misconfigured("the server requires TLS; set SMTP_TLS=starttls"),
            SmtpStatusCode.MustIssueStartTlsFirst when settings.UserName is null =>
                new SendOutcome.Misconfigured("the server requires SMTP_USERNAME and SMTP_PASSWORD (530)"),
            SmtpStatusCode.MustIssueStartTlsFirst =>
                new SendOutcome.Misconfigured("SMTP_USERNAME and SMTP_PASSWORD were rejected (530)"),
            // Authentication failed (RFC 4954).
            _ when code is 534 or 535 or 538 =>
                new SendOutcome.Misconfigured($"SMTP_USERNAME and SMTP_PASSWORD were rejected ({code})"),
            // Mailbox busy, greylisting, mailbox full: concerns this recipient only.
            _ when code is 450 or 451 or 452 => new SendOutcome.Temporary($"SMTP status {code}") { IsAboutRecipient = true },
            _ when code is >= 400 and < 500 => new SendOutcome.Temporary($"SMTP status {code}"),
            _ when code is >= 500 and < 600 => new SendOutcome.Refused($"SMTP status {code}"),
            // .NET's client reports "general failure" both for an unreachable server and for one without STARTTLS.
            _ when e.InnerException is null && e.Message.Contains("secure", StringComparison.OrdinalIgnoreCase) =>
                new SendOutcome.Misconfigured("the server does not support STARTTLS; set SMTP_TLS=none only if the network is trusted"),
            _ => new SendOutcome.Temporary("cannot connect"),
        };
    }
}
