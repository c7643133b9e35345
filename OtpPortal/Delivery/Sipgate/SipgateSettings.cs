using OtpPortal.Configuration;
using OtpPortal.Delivery.Sms;

namespace OtpPortal.Delivery.Sipgate;

/// <summary>Settings of sipgate's REST API.</summary>
/// <param name="UserName">SIPGATE_USERNAME: the account's email address, or the id of a personal access token.</param>
/// <param name="Password">SIPGATE_PASSWORD: the account's password, or the token.</param>
/// <param name="SmsId">SIPGATE_SMS_ID: the SMS extension, such as s0.</param>
/// <param name="ApiUrl">SIPGATE_API_URL.</param>
public sealed record SipgateSettings(string UserName, string Password, string SmsId, Uri ApiUrl, ProviderLimits Terms, NumberRules Numbers)
    : IOptionalSettings<SipgateSettings>
{
    public override string ToString() => "sipgate at " + ApiUrl;

    public static SipgateSettings? Read(SettingsReader reader)
    {
        var url = reader.WebAddress("SIPGATE_API_URL", "https://api.sipgate.com/v2");
        var smsId = reader.Line("SIPGATE_SMS_ID", "s0", 20);
        var terms = ProviderLimits.Read(reader, "SIPGATE");
        var numbers = NumberRules.Read(reader, "SIPGATE");
        var (user, password) = (reader.Text("SIPGATE_USERNAME"), reader.Secret("SIPGATE_PASSWORD"));
        if (user is null != password is null)
        {
            var missing = user is null ? "SIPGATE_USERNAME" : "SIPGATE_PASSWORD";
            reader.AddError($"{missing} is missing. Set both SIPGATE_USERNAME and SIPGATE_PASSWORD, or neither.");
        }
        // The password starts after the first colon (RFC 7617, 2), so the user name may not contain one.
        if (user?.Any(c => c == ':' || char.IsControl(c)) == true)
        {
            reader.AddError("SIPGATE_USERNAME", user, "a name without colons and control characters");
        }
        if (password?.Any(char.IsControl) == true)
        {
            reader.AddError("SIPGATE_PASSWORD must not contain control characters, because Basic authentication cannot transmit them.");
        }
        return user is null || password is null || url is null ? null
            : new SipgateSettings(user, password, smsId, url, terms, numbers);
    }
}
