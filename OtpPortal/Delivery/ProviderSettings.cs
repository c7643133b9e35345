using OtpPortal.Configuration;
using OtpPortal.Delivery.Sms;

namespace OtpPortal.Delivery;

/// <summary>The providers that are set up, in the order of <see cref="DeliveryServices.Kinds"/>.</summary>
internal sealed record ProviderSettings(IReadOnlyList<ProviderSetup> All) : ISettings<ProviderSettings>
{
    public static ProviderSettings Read(SettingsReader reader)
    {
        var settings = new ProviderSettings([.. DeliveryServices.Kinds.SelectMany(kind => kind.Read(reader))]);
        settings.CheckOrder(reader, reader.Get<SmsSettings>().Order);
        return settings;
    }

    // Otherwise a provider that can never take over would go unnoticed until the day it is needed.
    private void CheckOrder(SettingsReader reader, IReadOnlyList<string> order)
    {
        var usable = All.Where(provider => provider.TakesSms).Select(provider => provider.Name).ToList();
        foreach (var name in order)
        {
            if (!usable.Contains(name, StringComparer.Ordinal))
            {
                reader.AddError("SMS_PROVIDERS", name, usable.Count > 0
                    ? "a comma-separated list of configured SMS providers (" + string.Join(", ", usable) + ")"
                    : "a comma-separated list of configured SMS providers, and none is configured");
            }
            else if (order.Count(other => other == name) > 1)
            {
                reader.AddError("SMS_PROVIDERS", name, "a list that names each provider only once");
                break;
            }
        }
    }
}
