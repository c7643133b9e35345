using OtpPortal.Configuration;
using OtpPortal.Delivery.Sms;
using OtpPortal.Delivery.Webhook;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Delivery;

/// <summary>Validation of provider settings. Errors name the setting but never a secret.</summary>
public sealed class ProviderSettingsTests
{
    private static readonly (string, string)[] s_smtp = [("SMTP_HOST", "mail.example.com")];
    private static readonly (string, string)[] s_sipgate = [("SIPGATE_USERNAME", "ann"), ("SIPGATE_PASSWORD", "S3cret")];

    private static AllSettings Read(params (string Name, string Value)[] settings) => Read(false, settings);

    private static AllSettings Read(bool production, params (string Name, string Value)[] settings)
    {
        var values = settings.ToDictionary(setting => setting.Name, setting => setting.Value, StringComparer.Ordinal);
        values["AUTH_SECRET_KEY"] = PortalHost.Secret;
        return AllSettings.Read(values, production, Path.GetTempPath());
    }

    private static IReadOnlyList<string> ErrorsOf(params (string Name, string Value)[] settings) =>
        Should.Throw<SettingsException>(() => Read(settings)).Errors;

    [Fact]
    public void No_provider_sends_SMS_by_default()
    {
        var read = Read();

        read.Providers.ShouldBe(["mailbox"]);
        read.Sms.Countries.ShouldBeEmpty();
        read.Sms.Order.ShouldBeEmpty();
        read.Sms.DailyCap.ShouldBe(1000);
        (read.Sms.PrefixLimit!.Count, read.Sms.PrefixLimit.Window).ShouldBe((20, TimeSpan.FromHours(1)));
        read.Sms.MinVerified.ShouldBe(new MinVerified(10, 50));
    }

    [Theory]
    [InlineData("SMS_COUNTRIES", "DE,XX")]
    [InlineData("SMS_COUNTRIES", "Germany")]
    [InlineData("SMS_DEFAULT_COUNTRY", "49")]
    [InlineData("SMS_DAILY_CAP", "0")]
    [InlineData("SMS_COUNTRY_QUOTAS", "DE")]
    [InlineData("SMS_COUNTRY_QUOTAS", "DE:x")]
    [InlineData("SMS_COUNTRY_QUOTAS", "XX:5")]
    [InlineData("SMS_COUNTRY_QUOTAS", "DE:5,DE:6")]
    [InlineData("SMS_COUNTRY_QUOTAS", "DE:-1")]
    [InlineData("SMS_PREFIX_LIMIT", "20")]
    [InlineData("SMS_MIN_VERIFIED", "10")]
    [InlineData("SMS_MIN_VERIFIED", "0/50")]
    [InlineData("SMS_MIN_VERIFIED", "101/50")]
    [InlineData("SMS_PROVIDERS", "sipgate_sms")]
    [InlineData("SMS_PROVIDERS", "sms")]
    [InlineData("SMS_PROVIDERS", "mailbox,mailbox")]
    [InlineData("SIPGATE_USERNAME", "ann:smith")]
    [InlineData("SIPGATE_API_URL", "sipgate.com")]
    [InlineData("SIPGATE_TIMEOUT", "0")]
    [InlineData("SMTP_CONNECTIONS", "101")]
    [InlineData("KALEYRA_COUNTRIES", "IND")]
    [InlineData("WEBHOOKS", "a-b")]
    [InlineData("WEBHOOKS", "smtp")]
    [InlineData("WEBHOOKS", "Kaleyra_SMS")]
    [InlineData("MAIL_FALLBACK", "mailbox")]
    public void Reports_an_invalid_setting_with_its_value(string name, string value) =>
        ErrorsOf((name, value)).ShouldContain(error =>
            error.StartsWith(name + " must be ", StringComparison.Ordinal)
            && error.Contains("but is \"", StringComparison.Ordinal));

    [Theory]
    [InlineData("SIPGATE_USERNAME", "SIPGATE_PASSWORD")]
    [InlineData("SIPGATE_PASSWORD", "SIPGATE_USERNAME")]
    [InlineData("KALEYRA_API_KEY", "KALEYRA_SID")]
    [InlineData("KALEYRA_SID", "KALEYRA_SENDER")]
    [InlineData("KALEYRA_SENDER", "KALEYRA_API_KEY")]
    [InlineData("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
    [InlineData("AWS_SECRET_ACCESS_KEY", "AWS_REGION")]
    [InlineData("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")]
    [InlineData("AWS_SMS_ORIGINATION_IDENTITY", "AWS_REGION")]
    [InlineData("WEBHOOKS", "WEBHOOK_SOMETHING1_URL")]
    public void Reports_the_missing_setting_of_an_incomplete_provider(string given, string missing)
    {
        var errors = ErrorsOf((given, "something1"));

        errors.ShouldContain(error => error.StartsWith(missing + " is missing", StringComparison.Ordinal));
    }

    [Fact]
    public void AWS_REGION_alone_does_not_enable_AWS() => Read(("AWS_REGION", "eu-central-1")).Aws.ShouldBeNull();

    [Fact]
    public void An_origination_identity_without_an_access_key_uses_the_role()
    {
        var aws = Read(("AWS_REGION", "eu-central-1"), ("AWS_SMS_ORIGINATION_IDENTITY", "pool-1")).Aws.ShouldNotBeNull();

        aws.AccessKey.ShouldBeNull();
        aws.OriginationIdentity.ShouldBe("pool-1");
    }

    [Theory]
    [InlineData("AWS_REGION", "eu-central-1.evil.example")]
    [InlineData("AWS_REGION", "Frankfurt")]
    public void Refuses_an_invalid_AWS_region(string name, string region) =>
        ErrorsOf((name, region), ("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "x"))
            .ShouldHaveSingleItem().ShouldStartWith("AWS_REGION must be a region");

    [Theory]
    [InlineData("eu-central-1", "https://sms-voice.eu-central-1.amazonaws.com/")]
    [InlineData("us-gov-west-1", "https://sms-voice.us-gov-west-1.amazonaws.com/")]
    public void The_region_determines_the_AWS_URL(string region, string url) =>
        Read(("AWS_REGION", region), ("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "x")).Aws!.ApiUrl.ToString().ShouldBe(url);

    [Theory]
    [InlineData("WEBHOOK_BANK_URL", "https://bank.example.com")]
    [InlineData("WEBHOOK_SHOP_URI", "https://shop.example.com")]
    public void A_setting_of_an_unknown_webhook_prevents_startup(string name, string value) =>
        ErrorsOf(("WEBHOOKS", "shop"), ("WEBHOOK_SHOP_URL", "https://shop.example.com"), (name, value)).ShouldHaveSingleItem()
            .ShouldStartWith(name + " matches no webhook");

    [Fact]
    public void Webhook_names_that_differ_only_in_case_are_refused() =>
        ErrorsOf(("WEBHOOKS", "shop,Shop"), ("WEBHOOK_SHOP_URL", "https://shop.example.com"))
            .ShouldHaveSingleItem().ShouldEndWith("but is \"Shop\".");

    [Theory]
    [InlineData("WEBHOOK_SHOP_USERNAME", "ann", "WEBHOOK_SHOP_PASSWORD is missing")]
    [InlineData("WEBHOOK_SHOP_PASSWORD", "S3cret", "WEBHOOK_SHOP_USERNAME is missing")]
    [InlineData("WEBHOOK_SHOP_MAX_OTP_LEN", "2",
        "WEBHOOK_SHOP_MAX_OTP_LEN must be between 3 and 100 characters, but is \"2\"")]
    [InlineData("WEBHOOK_SHOP_MAX_ADDRESS_LEN", "0",
        "WEBHOOK_SHOP_MAX_ADDRESS_LEN must be between 1 and 1000 characters, but is \"0\"")]
    public void Validates_the_settings_of_a_webhook(string name, string value, string error) =>
        ErrorsOf(("WEBHOOKS", "shop"), ("WEBHOOK_SHOP_URL", "https://shop.example.com"), (name, value)).ShouldHaveSingleItem()
            .ShouldStartWith(error);

    [Fact]
    public void The_fallback_must_be_configured_and_differ_from_the_transport()
    {
        Read([.. s_smtp, ("POSTMARK_SERVER_TOKEN", "t"), ("MAIL_FALLBACK", "smtp")]).Mail.Fallback.ShouldBe("smtp");
        ErrorsOf([.. s_smtp, ("MAIL_FALLBACK", "smtp")])
            .ShouldHaveSingleItem().ShouldStartWith("MAIL_FALLBACK must be a different transport than MAIL_TRANSPORT, but is \"smtp\"");
        ErrorsOf([.. s_smtp, ("MAIL_FALLBACK", "postmark")]).ShouldHaveSingleItem().ShouldStartWith("POSTMARK_SERVER_TOKEN is missing");
        ErrorsOf(("POSTMARK_SERVER_TOKEN", "t"), ("MAIL_FALLBACK", "smtp")).ShouldHaveSingleItem()
            .ShouldStartWith("SMTP_HOST is missing");
    }

    [Fact]
    public void The_mailbox_is_an_SMS_provider_only_when_visible_and_listed()
    {
        Read(("SMS_PROVIDERS", "mailbox")).Sms.Order.ShouldBe(["mailbox"]);
        Should.Throw<SettingsException>(() => Read(true, [.. s_smtp, ("SMS_PROVIDERS", "mailbox")])).Errors
            .ShouldHaveSingleItem().ShouldStartWith("SMS_PROVIDERS must be a comma-separated list of configured SMS providers");
    }

    [Fact]
    public void A_provider_can_override_the_countries()
    {
        var own = Read([
            .. s_sipgate, ("SMS_COUNTRIES", "DE,at"), ("SIPGATE_COUNTRIES", "CH"),
            ("SMS_DEFAULT_COUNTRY", "de"), ("SIPGATE_DEFAULT_COUNTRY", "CH")]).Sipgate!.Numbers;
        var common = Read([.. s_sipgate, ("SMS_COUNTRIES", "DE,at"), ("SMS_DEFAULT_COUNTRY", "de")]).Sipgate!.Numbers;

        (own.Countries.ShouldHaveSingleItem(), own.DefaultCountry).ShouldBe(("CH", "CH"));
        common.Countries.ShouldBe(["DE", "AT"]);
        common.DefaultCountry.ShouldBe("DE");
    }

    [Fact]
    public void The_sample_phone_ranges_are_accepted_only_in_Development()
    {
        Read().Sms.AllowFictional.ShouldBeTrue();
        Read(true, s_smtp).Sms.AllowFictional.ShouldBeFalse();
    }

    [Fact]
    public void ToString_and_errors_never_reveal_a_secret()
    {
        var read = Read(
        [
            .. s_sipgate, ("KALEYRA_API_KEY", "S3cret"), ("KALEYRA_SID", "x"), ("KALEYRA_SENDER", "x"), ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "S3cret"),
            ("WEBHOOKS", "shop"), ("WEBHOOK_SHOP_URL", "https://shop.example.com"), ("WEBHOOK_SHOP_USERNAME", "ann"),
            ("WEBHOOK_SHOP_PASSWORD", "S3cret"),
        ]);

        read.ToString().ShouldNotContain("S3cret");
        read.Providers.ShouldContain("shop");
        new WebhookSettings("shop", new Uri("https://shop.example.com"), "ann", "S3cret", "", "", 1, 3, new(TimeSpan.FromSeconds(1), 1))
            .ToString().ShouldNotContain("S3cret");
        ErrorsOf(("KALEYRA_API_KEY", "S3cret with blanks"), ("KALEYRA_SID", "x"), ("KALEYRA_SENDER", "x")).ShouldHaveSingleItem()
            .ShouldNotContain("S3cret");
        ErrorsOf(("WEBHOOKS", "shop"), ("WEBHOOK_SHOP_URL", "https://shop.example.com"), ("WEBHOOK_SHOP_PASSWORD", "S3cret"))
            .ShouldHaveSingleItem().ShouldNotContain("S3cret");
    }
}
