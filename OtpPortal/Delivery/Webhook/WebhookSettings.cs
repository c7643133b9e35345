using OtpPortal.Configuration;

namespace OtpPortal.Delivery.Webhook;

/// <summary>Settings of a webhook that sends messages.</summary>
/// <param name="Name">The name in WEBHOOKS. Its settings are <c>WEBHOOK_{NAME}_…</c>, in upper case.</param>
/// <param name="Url">_URL: the URL that messages are posted to.</param>
/// <param name="UserName">_USERNAME for Basic authentication; null disables it.</param>
/// <param name="Password">_PASSWORD.</param>
/// <param name="ChannelName">_CHANNEL_NAME: the display name of the channel, such as "Phone call".</param>
/// <param name="AddressName">_ADDRESS_NAME: the display name of an address, such as "Phone number".</param>
/// <param name="MaxAddressLength">_MAX_ADDRESS_LEN: 1–1000 characters.</param>
/// <param name="MaxCodeLength">_MAX_OTP_LEN: 3–100 characters.</param>
public sealed record WebhookSettings(
    string Name,
    Uri Url,
    string? UserName,
    string? Password,
    string ChannelName,
    string AddressName,
    int MaxAddressLength,
    int MaxCodeLength,
    ProviderLimits Terms)
{
    private static readonly string[] s_fields =
    [
        "URL", "USERNAME", "PASSWORD", "PASSWORD_FILE", "CHANNEL_NAME", "ADDRESS_NAME", "MAX_ADDRESS_LEN", "MAX_OTP_LEN",
        "TIMEOUT", "CONNECTIONS",
    ];

    public override string ToString() => "Webhook " + Name;

    internal static IReadOnlyList<WebhookSettings> ReadAll(SettingsReader reader)
    {
        var names = new List<string>();
        foreach (var name in reader.List("WEBHOOKS"))
        {
            if (name.Length > 50 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'))
            {
                reader.AddError("WEBHOOKS", name, "a comma-separated list of names of at most 50 letters, digits and underscores");
            }
            else if (DeliveryServices.ReservedNames.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                var reserved = string.Join(", ", DeliveryServices.ReservedNames);
                reader.AddError("WEBHOOKS", name, "a name that no built-in provider has (" + reserved + ")");
            }
            else if (names.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                reader.AddError("WEBHOOKS", name, "a unique name, ignoring case");
            }
            else
            {
                names.Add(name);
            }
        }
        var prefixes = names.Select(PrefixOf).ToList();
        // A misspelled name would leave a webhook without its password.
        foreach (var setting in reader.Names.Where(setting => setting.StartsWith("WEBHOOK_", StringComparison.OrdinalIgnoreCase)))
        {
            if (reader.Text(setting) is null) continue;
            if (prefixes.Exists(prefix => s_fields.Any(field => Is(setting, prefix + "_" + field)))) continue;
            var known = string.Join(", _", s_fields);
            reader.AddError(
                $"{setting} matches no webhook in WEBHOOKS. "
                + $"The settings of a webhook are WEBHOOK_{{NAME}}_{known}, with its name in upper case.");
        }
        return [.. names.Select(name => Read(reader, name)).OfType<WebhookSettings>()];
    }

    private static bool Is(string name, string other) => string.Equals(name, other, StringComparison.OrdinalIgnoreCase);

    private static string PrefixOf(string name) => "WEBHOOK_" + name.ToUpperInvariant();

    private static WebhookSettings? Read(SettingsReader reader, string name)
    {
        var prefix = PrefixOf(name);
        var url = reader.WebAddress(prefix + "_URL", null);
        if (reader.Text(prefix + "_URL") is null) reader.AddError($"{prefix}_URL is missing. The webhook {name} in WEBHOOKS requires it.");
        var (user, password) = (reader.Text(prefix + "_USERNAME"), reader.Secret(prefix + "_PASSWORD"));
        if (user is null != password is null)
        {
            var missing = user is null ? "USERNAME" : "PASSWORD";
            reader.AddError($"{prefix}_{missing} is missing. Set both {prefix}_USERNAME and {prefix}_PASSWORD, or neither.");
        }
        // The password starts after the first colon (RFC 7617, 2), so the user name may not contain one.
        if (user?.Any(c => c == ':' || char.IsControl(c)) == true)
        {
            reader.AddError(prefix + "_USERNAME", user, "a name without colons and control characters");
        }
        if (password?.Any(char.IsControl) == true)
        {
            reader.AddError($"{prefix}_PASSWORD must not contain control characters, because Basic authentication cannot transmit them.");
        }
        var channel = reader.Line(prefix + "_CHANNEL_NAME", name, 50);
        var address = reader.Line(prefix + "_ADDRESS_NAME", "Address", 50);
        var maxAddress = reader.Integer(prefix + "_MAX_ADDRESS_LEN", 320, 1, 1000, "characters");
        var maxCode = reader.Integer(prefix + "_MAX_OTP_LEN", 32, 3, 100, "characters");
        var terms = ProviderLimits.Read(reader, prefix);
        return url is null ? null : new WebhookSettings(name, url, user, password, channel, address, maxAddress, maxCode, terms);
    }
}
