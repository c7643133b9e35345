using OtpPortal.Configuration;

namespace OtpPortal.Delivery.Postmark;

/// <summary>Settings of Postmark's REST API.</summary>
/// <param name="ServerToken">POSTMARK_SERVER_TOKEN.</param>
/// <param name="ApiUrl">POSTMARK_API_URL.</param>
/// <param name="MessageStream">POSTMARK_MESSAGE_STREAM.</param>
/// <param name="Terms">POSTMARK_TIMEOUT (15 s) and POSTMARK_CONNECTIONS.</param>
public sealed record PostmarkSettings(string ServerToken, Uri ApiUrl, string MessageStream, ProviderLimits Terms)
    : IOptionalSettings<PostmarkSettings>
{
    public override string ToString() => "Postmark at " + ApiUrl;

    public static PostmarkSettings? Read(SettingsReader reader)
    {
        var url = reader.WebAddress("POSTMARK_API_URL", "https://api.postmarkapp.com");
        var stream = reader.Line("POSTMARK_MESSAGE_STREAM", "outbound", 100);
        var terms = ProviderLimits.Read(reader, "POSTMARK", 15);
        if (reader.Secret("POSTMARK_SERVER_TOKEN") is not { } token || url is null) return null;
        if (token.All(c => c is > ' ' and <= '~')) return new PostmarkSettings(token, url, stream, terms);
        reader.AddError("POSTMARK_SERVER_TOKEN must not contain spaces or control characters. Copy the token as Postmark shows it.");
        return null;
    }
}
