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

    private static IReadOnlyList<string> ErrorsOf(params (string Name, string Value)[] settings) =>
        Should.Throw<SettingsException>(() => Read(settings)).Errors;

    [Fact]
    public void The_captcha_is_disabled_by_default()
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
    public void The_captcha_is_enabled_by_its_three_settings(string provider, string verification)
    {
        var read = Read(("CAPTCHA_PROVIDER", provider), s_all[1], s_all[2], ("CAPTCHA_AFTER", "10/60"), ("CAPTCHA_FAIL", "OPEN")).Captcha;

        var service = read.Service.ShouldNotBeNull();
        service.Provider.ShouldBe(CaptchaProvider.ByName[provider.ToLowerInvariant()]);
        (service.SiteKey, service.SecretKey, service.ApiUrl).ShouldBe(("site-key", "S3cret", new Uri(verification)));
        read.FailsOpen.ShouldBeTrue();
        read.SendsPerNetwork.Count.ShouldBe(10);
    }

    [Fact]
    public void CAPTCHA_API_URL_overrides_the_verification_URL() =>
        Read([.. s_all, ("CAPTCHA_API_URL", "https://captcha.example.com/siteverify")]).Captcha.Service!.ApiUrl
            .ShouldBe(new Uri("https://captcha.example.com/siteverify"));

    [Theory]
    [InlineData("CAPTCHA_PROVIDER")]
    [InlineData("CAPTCHA_SITE_KEY")]
    [InlineData("CAPTCHA_SECRET_KEY")]
    public void Reports_a_missing_required_setting(string missing)
    {
        var error = ErrorsOf([.. s_all.Where(setting => setting.Item1 != missing)]).ShouldHaveSingleItem();

        error.ShouldStartWith($"{missing} is missing. ");
        error.ShouldNotContain("S3cret");
    }

    [Fact]
    public void One_setting_alone_reports_both_missing_settings() =>
        ErrorsOf(s_all[2]).Select(error => error.Split(' ')[0]).ShouldBe(["CAPTCHA_PROVIDER", "CAPTCHA_SITE_KEY"]);

    [Theory]
    [InlineData("CAPTCHA_PROVIDER", "friendly", "hcaptcha, recaptcha or turnstile")]
    [InlineData("CAPTCHA_AFTER", "3", "count/seconds")]
    [InlineData("CAPTCHA_AFTER", "0/900", "count/seconds")]
    [InlineData("CAPTCHA_FAIL", "maybe", "closed or open")]
    [InlineData("CAPTCHA_API_URL", "captcha.example.com", "http:// or https://")]
    public void Reports_an_invalid_value_and_the_allowed_values(string name, string value, string allowed)
    {
        var error = ErrorsOf([.. s_all.Where(setting => setting.Item1 != name), (name, value)]).ShouldHaveSingleItem();

        error.ShouldStartWith($"{name} must be ");
        error.ShouldContain($"but is \"{value}\"");
        error.ShouldContain(allowed);
    }

    [Fact]
    public void Reports_a_key_with_blanks_without_repeating_it() =>
        ErrorsOf(s_all[0], s_all[1], ("CAPTCHA_SECRET_KEY", "S3cret key")).ShouldHaveSingleItem().ShouldBe(
            "CAPTCHA_SECRET_KEY must not contain spaces or control characters. Copy the key as the captcha service shows it.");

    [Fact]
    public void ToString_does_not_reveal_the_secret() => Read(s_all).ToString().ShouldNotContain("S3cret");
}
