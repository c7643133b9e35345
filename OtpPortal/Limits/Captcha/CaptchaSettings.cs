using OtpPortal.Configuration;

namespace OtpPortal.Limits.Captcha;

/// <summary>Settings of the proofs that a client is not a bot.</summary>
/// <param name="Service">Null disables the captcha.</param>
/// <param name="SendsPerAddress">CAPTCHA_AFTER: codes to one address before a proof is required.</param>
/// <param name="SendsPerNetwork">CAPTCHA_AFTER: codes for one client (IPv6: its /64) before a proof is required.</param>
/// <param name="FailsOpen">CAPTCHA_FAIL=open: accepts any response while the service is unavailable. Otherwise only waiting is
/// accepted.</param>
public sealed record CaptchaSettings(CaptchaService? Service, Limit SendsPerAddress, Limit SendsPerNetwork, bool FailsOpen)
    : ISettings<CaptchaSettings>
{
    public static CaptchaSettings Read(SettingsReader reader)
    {
        var after = LimitSettings.ReadLimit(reader, "CAPTCHA_AFTER", "CAPTCHA_AFTER", 3, 900);
        var fail = reader.OneOf("CAPTCHA_FAIL", "closed", "open");
        return new CaptchaSettings(
            CaptchaService.Read(reader), after with { Name = "CAPTCHA_PER_ADDRESS" }, after with { Name = "CAPTCHA_PER_NETWORK" },
            fail == "open");
    }
}

/// <summary>An account with a captcha service.</summary>
/// <param name="SiteKey">CAPTCHA_SITE_KEY: public, in the page.</param>
/// <param name="SecretKey">CAPTCHA_SECRET_KEY: for the verification.</param>
/// <param name="ApiUrl">CAPTCHA_API_URL, or the provider's default.</param>
public sealed record CaptchaService(CaptchaProvider Provider, string SiteKey, string SecretKey, Uri ApiUrl)
{
    private static readonly string[] s_requiredSettings = ["CAPTCHA_PROVIDER", "CAPTCHA_SITE_KEY", "CAPTCHA_SECRET_KEY"];

    public override string ToString() => "Captcha verified at " + ApiUrl;

    internal static CaptchaService? Read(SettingsReader reader)
    {
        var url = reader.WebAddress("CAPTCHA_API_URL", null);
        var name = reader.OneOf("CAPTCHA_PROVIDER", [.. CaptchaProvider.ByName.Keys.Order(StringComparer.Ordinal)]);
        var (siteText, secretText) = (reader.Text("CAPTCHA_SITE_KEY"), reader.Secret("CAPTCHA_SECRET_KEY"));
        var (siteKey, secretKey) = (Key(reader, "CAPTCHA_SITE_KEY", siteText), Key(reader, "CAPTCHA_SECRET_KEY", secretText));
        string?[] values = [reader.Text("CAPTCHA_PROVIDER"), siteText, secretText];
        var missing = s_requiredSettings.Where((_, i) => values[i] is null).ToList();
        if (missing.Count is > 0 and < 3)
        {
            foreach (var setting in missing)
            {
                reader.AddError($"{setting} is missing. Set all of {string.Join(", ", s_requiredSettings)}, or none of them.");
            }
        }
        if (name is null || siteKey is null || secretKey is null) return null;
        var provider = CaptchaProvider.ByName[name];
        return new CaptchaService(provider, siteKey, secretKey, url ?? provider.VerificationUrl);
    }

    private static string? Key(SettingsReader reader, string name, string? key)
    {
        if (key is null || key.All(c => c is > ' ' and <= '~')) return key;
        reader.AddError($"{name} must not contain spaces or control characters. Copy the key as the captcha service shows it.");
        return null;
    }
}
