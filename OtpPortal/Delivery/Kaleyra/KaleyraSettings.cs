using OtpPortal.Configuration;
using OtpPortal.Delivery.Sms;

namespace OtpPortal.Delivery.Kaleyra;

/// <summary>Settings of Kaleyra's messages API: SMS, and WhatsApp if a template is registered.</summary>
/// <param name="ApiKey">KALEYRA_API_KEY.</param>
/// <param name="Sid">KALEYRA_SID: the account id.</param>
/// <param name="Sender">KALEYRA_SENDER: the sender id, or the business number for WhatsApp.</param>
/// <param name="EntityId">KALEYRA_SMS_ENTITY_ID: the sender's registration, required in India (DLT).</param>
/// <param name="TemplateId">KALEYRA_SMS_TEMPLATE_ID: the text's registration, required in India.</param>
/// <param name="TemplateName">
/// KALEYRA_TEMPLATE_NAME: the authentication template registered with WhatsApp; null disables <c>kaleyra_whatsapp</c>.
/// </param>
/// <param name="ApiUrl">KALEYRA_API_URL.</param>
public sealed record KaleyraSettings(
    string ApiKey,
    string Sid,
    string Sender,
    string? EntityId,
    string? TemplateId,
    string? TemplateName,
    Uri ApiUrl,
    ProviderLimits Terms,
    NumberRules Numbers)
    : IOptionalSettings<KaleyraSettings>
{
    public override string ToString() => "Kaleyra at " + ApiUrl;

    public static KaleyraSettings? Read(SettingsReader reader)
    {
        var url = reader.WebAddress("KALEYRA_API_URL", "https://api.kaleyra.io/v1");
        var terms = ProviderLimits.Read(reader, "KALEYRA");
        var numbers = NumberRules.Read(reader, "KALEYRA");
        var (key, sid, sender) = (reader.Secret("KALEYRA_API_KEY"), reader.Text("KALEYRA_SID"), reader.Text("KALEYRA_SENDER"));
        if (key is not null || sid is not null || sender is not null)
        {
            foreach (var (setting, value) in new[] { ("KALEYRA_API_KEY", key), ("KALEYRA_SID", sid), ("KALEYRA_SENDER", sender) })
            {
                if (value is not null) continue;
                reader.AddError($"{setting} is missing. Set KALEYRA_API_KEY, KALEYRA_SID and KALEYRA_SENDER, or none of them.");
            }
        }
        if (key?.All(c => c is > ' ' and <= '~') == false)
        {
            reader.AddError("KALEYRA_API_KEY must not contain spaces or control characters. Copy the key as Kaleyra shows it.");
            return null;
        }
        if (sid?.All(char.IsAsciiLetterOrDigit) == false)
        {
            reader.AddError("KALEYRA_SID", sid, "the account's SID, which has only letters and digits");
            return null;
        }
        var (entity, template) = (reader.Text("KALEYRA_SMS_ENTITY_ID"), reader.Text("KALEYRA_SMS_TEMPLATE_ID"));
        var name = reader.Text("KALEYRA_TEMPLATE_NAME");
        return key is null || sid is null || sender is null || url is null ? null
            : new KaleyraSettings(key, sid, sender, entity, template, name, url, terms, numbers);
    }
}
