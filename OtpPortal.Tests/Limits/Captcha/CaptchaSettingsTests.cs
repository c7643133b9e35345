using OtpPortal.Configuration;
using OtpPortal.Limits.Captcha;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Limits.Captcha;

/// <summary>The settings of the captcha.</summary>
public sealed class CaptchaSettingsTests
{
    private static readonly (string, string)[] s_all =
        [("CAPTCHA_PROVIDER", "hcaptcha"), ("CAPTCHA_SITE_KEY", "site-key"), ("CAPTCHA_SECRET_KEY", "S3cret")];

    private static AllSettings Read(params (string Name, string Value)[] settings)
    {
        var values = settings.Append(("AUTH_SECRET_KEY", PortalHost.Secret))
            .ToDictionary(setting => setting.Item1, setting => setting.Item2, StringComparer.Ordinal);
        return AllSettings.Read(values, false);
    }

    private static IReadOnlyList<string> Complaints(params (string Name, string Value)[] settings) =>
        Should.Throw<SettingsException>(() => Read(settings)).Errors;

    [Fact]
    public void Without_any_setting_nobody_is_asked()
    {
        var read = Read().Captcha;

        read.Service.ShouldBeNull();
        read.FailsOpen.ShouldBeFalse();
        (read.SendsPerAddress.Count, read.SendsPerAddress.Window).ShouldBe((3, TimeSpan.FromSeconds(900)));
        (read.SendsPerNetwork.Count, read.SendsPerNetwork.Window).ShouldBe((3, TimeSpan.FromSeconds(900)));
    }

    [Theory]
    [InlineData("turnstile", "https://challenges.cloudflare.com/turnstile/v0/siteverify")]
    [InlineData("hCaptcha", "https://api.hcaptcha.com/siteverify")]
    [InlineData("recaptcha", "https://www.google.com/recaptcha/api/siteverify")]
    public void Three_settings_switch_it_on(string provider, string verification)
    {
        var read = Read(("CAPTCHA_PROVIDER", provider), s_all[1], s_all[2], ("CAPTCHA_AFTER", "10/60"), ("CAPTCHA_FAIL", "OPEN")).Captcha;

        var service = read.Service.ShouldNotBeNull();
        service.Provider.ShouldBe(CaptchaProvider.ByName[provider.ToLowerInvariant()]);
        (service.SiteKey, service.SecretKey, service.ApiUrl).ShouldBe(("site-key", "S3cret", new Uri(verification)));
        read.FailsOpen.ShouldBeTrue();
        read.SendsPerNetwork.Count.ShouldBe(10);
    }

    [Fact]
    public void The_verification_may_be_elsewhere() =>
        Read([.. s_all, ("CAPTCHA_API_URL", "https://captcha.example.com/siteverify")]).Captcha.Service!.ApiUrl
            .ShouldBe(new Uri("https://captcha.example.com/siteverify"));

    [Theory]
    [InlineData("CAPTCHA_PROVIDER")]
    [InlineData("CAPTCHA_SITE_KEY")]
    [InlineData("CAPTCHA_SECRET_KEY")]
    public void What_is_missing_of_the_three_is_named(string missing)
    {
        var complaint = Complaints([.. s_all.Where(setting => setting.Item1 != missing)]).ShouldHaveSingleItem();

        complaint.ShouldStartWith($"{missing} is missing. ");
        complaint.ShouldNotContain("S3cret");
    }

    [Fact]
    public void One_alone_names_both_others() =>
        Complaints(s_all[2]).Select(complaint => complaint.Split(' ')[0]).ShouldBe(["CAPTCHA_PROVIDER", "CAPTCHA_SITE_KEY"]);

    [Theory]
    [InlineData("CAPTCHA_PROVIDER", "friendly", "hcaptcha, recaptcha or turnstile")]
    [InlineData("CAPTCHA_AFTER", "3", "count/seconds")]
    [InlineData("CAPTCHA_AFTER", "0/900", "count/seconds")]
    [InlineData("CAPTCHA_FAIL", "maybe", "closed or open")]
    [InlineData("CAPTCHA_API_URL", "captcha.example.com", "http:// or https://")]
    public void What_cannot_be_is_named_with_what_is_allowed(string name, string value, string allowed)
    {
        var complaint = Complaints([.. s_all.Where(setting => setting.Item1 != name), (name, value)]).ShouldHaveSingleItem();

        complaint.ShouldStartWith($"{name} must be ");
        complaint.ShouldContain($"but is \"{value}\"");
        complaint.ShouldContain(allowed);
    }

    [Fact]
    public void A_key_with_blanks_is_told_without_it() =>
        Complaints(s_all[0], s_all[1], ("CAPTCHA_SECRET_KEY", "S3cret key")).ShouldHaveSingleItem().ShouldBe(
            "CAPTCHA_SECRET_KEY must not contain spaces or control characters. Copy the key as the captcha service shows it.");

    [Fact]
    public void The_secret_is_not_printed() => Read(s_all).ToString().ShouldNotContain("S3cret");
}
