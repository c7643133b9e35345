using System.Text.RegularExpressions;
using OtpPortal.Configuration;
using OtpPortal.Http;

namespace OtpPortal.Delivery;

/// <summary>How mail leaves the portal.</summary>
/// <param name="Transport">MAIL_TRANSPORT: <c>postmark</c>, <c>smtp</c> or <c>mailbox</c>.</param>
/// <param name="Fallback">MAIL_FALLBACK: <c>postmark</c> or <c>smtp</c>, which takes over when the transport fails; null when nothing does.</param>
/// <param name="From">MAIL_FROM, or otp@DOMAIN_NAME.</param>
/// <param name="FromName">Shown beside the address: APP_NAME.</param>
/// <param name="ShowMailbox">The mailbox page exists: in Development, or when the mailbox is the transport.</param>
public sealed partial record MailSettings(
    string Transport,
    string? Fallback,
    string From,
    string FromName,
    bool ShowMailbox,
    PostmarkSettings? Postmark,
    SmtpSettings? Smtp) : ISettings<MailSettings>
{
    public static MailSettings Read(SettingsReader reader)
    {
        var portal = reader.Get<PortalSettings>();
        var postmark = PostmarkSettings.Read(reader);
        var smtp = SmtpSettings.Read(reader);
        var named = reader.OneOf("MAIL_TRANSPORT", "postmark", "smtp", "mailbox");
        var transport = named ?? (postmark is not null ? "postmark" : smtp is not null ? "smtp" : "mailbox");
        if (reader.IsProduction && transport == "mailbox" && named is null)
        {
            // Nobody shall find out in production that the codes of everybody stand on an open page.
            reader.AddError("MAIL_TRANSPORT is missing: in Production set POSTMARK_SERVER_TOKEN or SMTP_HOST, or MAIL_TRANSPORT=mailbox to show every message to everybody.");
        }
        if (transport == "postmark" && postmark is null) reader.AddError("POSTMARK_SERVER_TOKEN is missing: MAIL_TRANSPORT=postmark needs it.");
        if (transport == "smtp" && smtp is null) reader.AddError("SMTP_HOST is missing: MAIL_TRANSPORT=smtp needs it.");
        var fallback = reader.OneOf("MAIL_FALLBACK", "postmark", "smtp");
        if (fallback is not null && fallback == transport) reader.AddError("MAIL_FALLBACK", fallback, "another transport than MAIL_TRANSPORT");
        else if (fallback == "postmark" && postmark is null) reader.AddError("POSTMARK_SERVER_TOKEN is missing: MAIL_FALLBACK=postmark needs it.");
        else if (fallback == "smtp" && smtp is null) reader.AddError("SMTP_HOST is missing: MAIL_FALLBACK=smtp needs it.");

        var domain = reader.Text("DOMAIN_NAME", portal.PublicUrl.HostNameType == UriHostNameType.Dns ? portal.PublicUrl.IdnHost : "localhost");
        if (!Domain().IsMatch(domain)) reader.AddError("DOMAIN_NAME", domain, "a domain name such as example.com");
        var from = reader.Text("MAIL_FROM");
        if (from is not null && !Address().IsMatch(from)) reader.AddError("MAIL_FROM", from, "an address such as otp@example.com");
        return new MailSettings(
            transport, fallback, from ?? $"otp@{domain}", portal.AppName, !portal.IsProduction || transport == "mailbox", postmark, smtp);
    }

    [GeneratedRegex(@"^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\z", RegexOptions.None, 1000)]
    private static partial Regex Domain();

    [GeneratedRegex(@"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\z", RegexOptions.None, 1000)]
    private static partial Regex Address();
}

/// <summary>Postmark's REST API.</summary>
/// <param name="ServerToken">POSTMARK_SERVER_TOKEN.</param>
/// <param name="ApiUrl">POSTMARK_API_URL.</param>
/// <param name="MessageStream">POSTMARK_MESSAGE_STREAM.</param>
/// <param name="Terms">POSTMARK_TIMEOUT (15 s) and POSTMARK_CONNECTIONS.</param>
public sealed record PostmarkSettings(string ServerToken, Uri ApiUrl, string MessageStream, ProviderTerms Terms)
{
    public override string ToString() => "Postmark at " + ApiUrl;

    internal static PostmarkSettings? Read(SettingsReader reader)
    {
        var url = reader.WebAddress("POSTMARK_API_URL", "https://api.postmarkapp.com");
        var stream = reader.Line("POSTMARK_MESSAGE_STREAM", "outbound", 100);
        var terms = ProviderTerms.Read(reader, "POSTMARK", 15);
        if (reader.Secret("POSTMARK_SERVER_TOKEN") is not { } token || url is null) return null;
        if (token.All(c => c is > ' ' and <= '~')) return new PostmarkSettings(token, url, stream, terms);
        reader.AddError("POSTMARK_SERVER_TOKEN has blanks or control characters: copy the token as Postmark shows it.");
        return null;
    }
}

/// <summary>An SMTP server.</summary>
/// <param name="Host">SMTP_HOST.</param>
/// <param name="Port">SMTP_PORT.</param>
/// <param name="UserName">SMTP_USERNAME; null sends without signing in.</param>
/// <param name="Password">SMTP_PASSWORD.</param>
/// <param name="StartTls">SMTP_TLS=starttls: the server must offer STARTTLS with a valid certificate (RFC 3207); there is no fall-back to plain text.</param>
/// <param name="Terms">SMTP_TIMEOUT (15 s) and SMTP_CONNECTIONS.</param>
public sealed record SmtpSettings(string Host, int Port, string? UserName, string? Password, bool StartTls, ProviderTerms Terms)
{
    public override string ToString() => $"SMTP at {Host}:{Port}";

    internal static SmtpSettings? Read(SettingsReader reader)
    {
        var port = reader.Integer("SMTP_PORT", 587, 1, 65535);
        var tls = reader.OneOf("SMTP_TLS", "none", "starttls") ?? "starttls";
        var terms = ProviderTerms.Read(reader, "SMTP", 15);
        var (user, password) = (reader.Text("SMTP_USERNAME"), reader.Secret("SMTP_PASSWORD"));
        if (user is null != password is null)
        {
            reader.AddError($"{(user is null ? "SMTP_USERNAME" : "SMTP_PASSWORD")} is missing: SMTP_USERNAME and SMTP_PASSWORD are set both or not at all.");
        }
        if (reader.Text("SMTP_HOST") is not { } host) return null;
        if (Uri.CheckHostName(host) == UriHostNameType.Unknown) reader.AddError("SMTP_HOST", host, "the name or IP address of a mail server, without scheme and port (SMTP_PORT)");
        return new SmtpSettings(host, port, user, password, tls == "starttls", terms);
    }
}
