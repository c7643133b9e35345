using OtpPortal.Configuration;

namespace OtpPortal.Delivery.Smtp;

/// <summary>Settings of the SMTP server.</summary>
/// <param name="Host">SMTP_HOST.</param>
/// <param name="Port">SMTP_PORT.</param>
/// <param name="UserName">SMTP_USERNAME; null sends without authentication.</param>
/// <param name="Password">SMTP_PASSWORD.</param>
/// <param name="StartTls">
/// SMTP_TLS=starttls: requires STARTTLS with a valid certificate (RFC 3207), without fallback to plaintext.
/// </param>
/// <param name="Terms">SMTP_TIMEOUT (15 s) and SMTP_CONNECTIONS.</param>
public sealed record SmtpSettings(string Host, int Port, string? UserName, string? Password, bool StartTls, ProviderLimits Terms)
    : IOptionalSettings<SmtpSettings>
{
    public override string ToString() => $"SMTP at {Host}:{Port}";

    public static SmtpSettings? Read(SettingsReader reader)
    {
        var port = reader.Integer("SMTP_PORT", 587, 1, 65535);
        var tls = reader.OneOf("SMTP_TLS", "none", "starttls") ?? "starttls";
        var terms = ProviderLimits.Read(reader, "SMTP", 15);
        var (user, password) = (reader.Text("SMTP_USERNAME"), reader.Secret("SMTP_PASSWORD"));
        if (user is null != password is null)
        {
            var missing = user is null ? "SMTP_USERNAME" : "SMTP_PASSWORD";
            reader.AddError($"{missing} is missing. Set both SMTP_USERNAME and SMTP_PASSWORD, or neither.");
        }
        if (reader.Text("SMTP_HOST") is not { } host) return null;
        if (Uri.CheckHostName(host) == UriHostNameType.Unknown)
        {
            reader.AddError("SMTP_HOST", host, "the host name or IP address of a mail server, without scheme or port (set SMTP_PORT)");
        }
        return new SmtpSettings(host, port, user, password, tls == "starttls", terms);
    }
}
