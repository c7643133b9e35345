using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using OtpPortal.Configuration;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Configuration;

/// <summary>Defaults, validation and error messages of the settings.</summary>
public sealed partial class SettingsTests
{
    private static AllSettings Read(bool production, params (string Name, string Value)[] settings)
    {
        var values = settings.ToDictionary(setting => setting.Name, setting => setting.Value, StringComparer.Ordinal);
        if (!values.ContainsKey("AUTH_SECRET_KEY") && !production) values["AUTH_SECRET_KEY"] = PortalHost.Secret;
        return AllSettings.Read(values, production, Path.GetTempPath());
    }

    private static AllSettings Read(params (string Name, string Value)[] settings) => Read(false, settings);

    private static IReadOnlyList<string> ErrorsOf(bool production, params (string Name, string Value)[] settings) =>
        Should.Throw<SettingsException>(() => Read(production, settings)).Errors;

    private static string ErrorOf(params (string Name, string Value)[] settings) => ErrorsOf(false, settings).ShouldHaveSingleItem();

    [Fact]
    public void Uses_the_defaults_without_any_setting()
    {
        var read = Read();

        read.Portal.Port.ShouldBe(3000);
        read.Portal.BindAddress.ShouldBeNull();
        read.Portal.Origin.ShouldBe("http://localhost:3000");
        read.Portal.IsHttps.ShouldBeFalse();
        read.Portal.AppName.ShouldBe("OTP Portal");
        read.Portal.LogoUrl.ShouldBeNull();
        read.Portal.AccentColor.ShouldBeNull();
        read.DataDir.ShouldBe(Path.Combine(Path.GetTempPath(), "data"));
        read.Portal.TrustedProxies.ShouldBeEmpty();
        read.Portal.Debug.ShouldBeFalse();
        read.Portal.Redirects.FormActionSources.ShouldBeEmpty();
        read.Storage.Otp.ShouldBeNull();
        read.Storage.Auth.ShouldBeNull();
        read.Codes.CodeLength.ShouldBe(6);
        read.Codes.CodeExpiry.ShouldBe(TimeSpan.FromSeconds(300));
        read.Codes.MaxAttempts.ShouldBe(5);
        read.Codes.MaxSends.ShouldBe(3);
        read.Codes.ResendCooldown.ShouldBe(TimeSpan.FromSeconds(30));
        read.SignIn.AllowedEmails.ShouldBeEmpty();
        read.Tokens.Length.ShouldBe(32);
        read.Tokens.IdleLifetime.ShouldBe(TimeSpan.FromSeconds(604800));
        read.Tokens.MaxAge.ShouldBe(TimeSpan.FromSeconds(2592000));
        read.Tokens.RotateAfter.ShouldBe(TimeSpan.FromSeconds(60));
        read.Tokens.Grace.ShouldBe(TimeSpan.FromSeconds(120));
        read.Tokens.CookieName.ShouldBe("auth_token");
        read.Tokens.CookieDomain.ShouldBeNull();
        read.Mail.Transport.ShouldBe("mailbox");
        read.Mail.ShowMailbox.ShouldBeTrue();
        read.Mail.From.ShouldBe("otp@localhost");
        read.Limits.SendsPerAddress.ShouldBe(new("SENDS_PER_ADDRESS", 5, TimeSpan.FromSeconds(900)));
        read.Limits.SendsPerIp.ShouldBe(new("SENDS_PER_IP", 30, TimeSpan.FromSeconds(900)));
        read.Limits.FailuresPerAddress.ShouldBe(new("FAILURES_PER_ADDRESS", 100, TimeSpan.FromSeconds(86400)));
        read.Limits.SecretFailuresPerIp.ShouldBe(new("SECRET_FAILURES_PER_IP", 10, TimeSpan.FromSeconds(300)));
        read.Limits.RequestsPerNamespace.ShouldBe(new("REQUESTS_PER_NAMESPACE", 600_000, TimeSpan.FromSeconds(60)));
        read.Limits.RequestsPerAccount.ShouldBe(new("REQUESTS_PER_ACCOUNT", 600_000, TimeSpan.FromSeconds(60)));
        read.Jwt.Audience.ShouldBe("OTP Portal");
        read.MagicLinks.Admin.ShouldBeNull();
        read.Telemetry.Endpoint.ShouldBeNull();
    }

    [Fact]
    public void An_empty_value_counts_as_not_set() =>
        Read(("PORT", ""), ("OTP_CODE_LENGTH", "  "), ("ALLOWED_EMAILS", "")).Portal.Port.ShouldBe(3000);

    [Fact]
    public void The_default_public_URL_uses_the_configured_port() => Read(("PORT", "8080")).Portal.Origin.ShouldBe("http://localhost:8080");

    [Theory]
    [InlineData("PORT", "0", "between 1 and 65535")]
    [InlineData("PORT", "65536", "between 1 and 65535")]
    [InlineData("PORT", "http", "between 1 and 65535")]
    [InlineData("PORT", "-1", "between 1 and 65535")]
    [InlineData("PORT", "80.0", "between 1 and 65535")]
    [InlineData("BIND_ADDRESS", "localhost", "IP address")]
    [InlineData("BIND_ADDRESS", "127.1", "IP address")]
    [InlineData("PUBLIC_URL", "login.example.com", "http:// or https://")]
    [InlineData("PUBLIC_URL", "ftp://login.example.com", "http:// or https://")]
    [InlineData("PUBLIC_URL", "https://login.example.com/portal", "a URL without path")]
    [InlineData("PUBLIC_URL", "https://login.example.com/?x=1", "a URL without path")]
    [InlineData("PUBLIC_URL", "https://user@login.example.com", "without user name")]
    [InlineData("PUBLIC_URL", "https://login.example.com/#x", "fragment")]
    [InlineData("LOGO_URL", "logo.png", "http:// or https://")]
    [InlineData("LOGO_URL", "javascript:alert(1)", "http:// or https://")]
    [InlineData("ACCENT_COLOR", "red", "#rrggbb")]
    [InlineData("ACCENT_COLOR", "#ff000", "#rrggbb")]
    [InlineData("ACCENT_COLOR", "#ff0000;}", "#rrggbb")]
    [InlineData("DEBUG", "maybe", "true or false")]
    [InlineData("MAIL_LINK", "maybe", "true or false")]
    [InlineData("OTP_CODE_LENGTH", "5", "between 6 and 24")]
    [InlineData("OTP_CODE_LENGTH", "25", "between 6 and 24")]
    [InlineData("OTP_CODE_LENGTH", "six", "between 6 and 24")]
    [InlineData("OTP_CODE_EXPIRY", "29", "between 30 and 600")]
    [InlineData("OTP_CODE_EXPIRY", "601", "between 30 and 600")]
    [InlineData("OTP_CODE_EXPIRY", "5m", "between 30 and 600")]
    [InlineData("OTP_MAX_ATTEMPTS", "0", "between 1 and ")]
    [InlineData("OTP_MAX_SENDS", "0", "between 1 and ")]
    [InlineData("OTP_RESEND_COOLDOWN", "-1", "between 0 and ")]
    [InlineData("AUTH_TOKEN_LENGTH", "31", "between 32 and 128")]
    [InlineData("AUTH_TOKEN_LENGTH", "129", "between 32 and 128")]
    [InlineData("AUTH_TOKEN_EXPIRY", "0", "between 1 and ")]
    [InlineData("AUTH_TOKEN_EXPIRY", "7d", "between 1 and 31536000 seconds")]
    [InlineData("AUTH_TOKEN_MAX_AGE", "0", "between 1 and ")]
    [InlineData("AUTH_TOKEN_ROTATE_AFTER", "-1", "between 0 and ")]
    [InlineData("AUTH_TOKEN_GRACE", "x", "between 0 and ")]
    [InlineData("AUTH_TOKEN_COOKIE_NAME", "auth token", "RFC 6265")]
    [InlineData("AUTH_TOKEN_COOKIE_NAME", "a;b", "RFC 6265")]
    [InlineData("AUTH_TOKEN_COOKIE_NAME", "otp_flow", "no other cookie")]
    [InlineData("AUTH_TOKEN_COOKIE_NAME", "otp_lang", "no other cookie")]
    [InlineData("AUTH_TOKEN_COOKIE_NAME", "__Host-session", "https")]
    [InlineData("AUTH_TOKEN_COOKIE_NAME", "__Secure-session", "https")]
    [InlineData("COOKIE_DOMAIN", "example.com", "the host of PUBLIC_URL (localhost)")]
    [InlineData("MAIL_TRANSPORT", "pigeon", "postmark, smtp or mailbox")]
    [InlineData("POSTMARK_API_URL", "api.postmarkapp.com", "http:// or https://")]
    [InlineData("SMTP_PORT", "smtp", "between 1 and 65535")]
    [InlineData("SMTP_HOST", "smtp.example.com:587", "without scheme or port")]
    [InlineData("SMTP_HOST", "smtp://smtp.example.com", "without scheme or port")]
    [InlineData("SMTP_HOST", "smtp example", "without scheme or port")]
    [InlineData("SMTP_TLS", "ssl", "none or starttls")]
    [InlineData("DOMAIN_NAME", "exa mple.com", "domain name")]
    [InlineData("DOMAIN_NAME", "ann@example.com", "domain name")]
    [InlineData("MAIL_FROM", "nobody", "address")]
    [InlineData("MAIL_FROM", "Ann <ann@example.com>", "address")]
    [InlineData("ALLOWED_EMAILS", "ann@example.com, everybody", "*@example.com")]
    [InlineData("ALLOWED_EMAILS", "*", "*@example.com")]
    [InlineData("ALLOWED_EMAILS", "*@*.com", "*@example.com")]
    [InlineData("ALLOWED_REDIRECTS", "*.com", "top-level domain")]
    [InlineData("ALLOWED_REDIRECTS", "*", "hosts such as")]
    [InlineData("ALLOWED_REDIRECTS", "https://app.example.com", "hosts such as")]
    [InlineData("ALLOWED_REDIRECTS", "app.example.com/path", "hosts such as")]
    [InlineData("ALLOWED_REDIRECTS", "app.example.com:0", "hosts such as")]
    [InlineData("ALLOWED_REDIRECTS", "app.example.com:99999", "hosts such as")]
    [InlineData("ALLOWED_REDIRECTS", "a.*.example.com", "hosts such as")]
    [InlineData("TRUSTED_PROXIES", "10.0.0.0/33", "networks such as 10.0.0.0/8")]
    [InlineData("TRUSTED_PROXIES", "127.0.0.1, nginx", "networks such as 10.0.0.0/8")]
    [InlineData("TRUSTED_PROXIES", "10.0.1", "networks such as 10.0.0.0/8")]
    [InlineData("TRUSTED_PROXIES", "10", "networks such as 10.0.0.0/8")]
    [InlineData("TRUSTED_PROXIES", "10/8", "networks such as 10.0.0.0/8")]
    [InlineData("TRUSTED_PROXIES", "010.0.0.1", "networks such as 10.0.0.0/8")]
    [InlineData("LIMIT_SENDS_PER_ADDRESS", "5", "count/seconds")]
    [InlineData("LIMIT_SENDS_PER_ADDRESS", "5/15m", "count/seconds")]
    [InlineData("LIMIT_SENDS_PER_IP", "0/900", "count/seconds")]
    [InlineData("LIMIT_FAILURES_PER_ADDRESS", "100/0", "count/seconds")]
    [InlineData("LIMIT_SECRET_FAILURES_PER_IP", "10/300/2", "count/seconds")]
    [InlineData("LIMIT_REQUESTS_PER_NAMESPACE", "600000", "600000/60")]
    [InlineData("LIMIT_REQUESTS_PER_ACCOUNT", "600000/m", "600000/60")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", "http:// or https://")]
    public void Reports_an_invalid_value_and_the_allowed_values(string name, string value, string allowed)
    {
        var error = ErrorOf((name, value));

        error.ShouldStartWith(name + " ");
        error.ShouldContain(value.Split(", ")[^1]);
        error.ShouldContain(allowed);
        error.ShouldNotContain("\n");
    }

    [Theory]
    [InlineData("PUBLIC_URL", "https://ann:hunter2@login.example.com")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "https://ann:hunter2@collector.example.com")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "ann:hunter2@collector.example.com")]
    [InlineData("POSTMARK_API_URL", "https://ann:hunt:hunter2@:x@mail.example.com")]
    public void Does_not_repeat_a_password_in_a_URL(string name, string value)
    {
        var error = ErrorOf((name, value));

        error.ShouldNotContain("hunter2");
        error.ShouldContain("example.com");
        error.ShouldContain("without user name");
    }

    [Fact]
    public void Refuses_app_names_and_audiences_that_are_too_long_or_multiline()
    {
        ErrorOf(("APP_NAME", new string('x', 61))).ShouldContain("at most 60 characters");
        ErrorOf(("APP_NAME", "Two\nlines")).ShouldNotContain("\n");
        ErrorOf(("TOKEN_AUDIENCE", new string('x', 201))).ShouldContain("one line of at most 200 characters");
    }

    [Theory]
    [InlineData("LIMIT_SENDS_PER_ADRESS", "5/900")]
    [InlineData("LIMIT_", "5/900")]
    public void Reports_an_unknown_limit(string name, string value)
    {
        var error = ErrorOf((name, value));

        error.ShouldStartWith(name);
        error.ShouldContain("LIMIT_SENDS_PER_ADDRESS");
    }

    [Fact]
    public void Reports_all_errors_together()
    {
        var errors = ErrorsOf(
            false, ("PORT", "x"), ("OTP_CODE_LENGTH", "4"), ("SMTP_TLS", "ssl"), ("LIMIT_SENDS_PER_IP", "x"), ("REDIS_URL_OTP", "x"));

        errors.Count.ShouldBe(5);
        foreach (var name in (string[])["PORT", "OTP_CODE_LENGTH", "SMTP_TLS", "LIMIT_SENDS_PER_IP", "REDIS_URL_OTP"])
        {
            errors.ShouldContain(error => error.StartsWith(name + " ", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Accepts_valid_values()
    {
        var read = Read(
            ("PORT", "443"), ("BIND_ADDRESS", "0.0.0.0"), ("PUBLIC_URL", "https://Login.Example.com:8443"), ("APP_NAME", "Our App"),
            ("LOGO_URL", "https://cdn.example.com/logo.svg"), ("ACCENT_COLOR", "#aBc123"),
            ("DATA_DIR", "/var/lib/portal"), ("DEBUG", "yes"), ("OTP_CODE_LENGTH", "24"), ("OTP_CODE_EXPIRY", "600"),
            ("AUTH_TOKEN_LENGTH", "64"), ("AUTH_TOKEN_COOKIE_NAME", "__Secure-t"), ("COOKIE_DOMAIN", ".Example.com"),
            ("ALLOWED_EMAILS", "Ann@Example.com, *@Friends.Example"), ("ALLOWED_REDIRECTS", "app.example.com:8443,*.apps.example"),
            ("TRUSTED_PROXIES", "10.0.0.0/8, ::1, ::ffff:192.0.2.1"), ("LIMIT_SENDS_PER_IP", "7/60"),
            ("SMTP_HOST", "mail.example.com"), ("SMTP_USERNAME", "u"), ("SMTP_PASSWORD", "p"), ("DOMAIN_NAME", "example.org"));

        read.Portal.Origin.ShouldBe("https://login.example.com:8443");
        read.Portal.IsHttps.ShouldBeTrue();
        read.DataDir.ShouldBe("/var/lib/portal");
        read.Portal.Debug.ShouldBeTrue();
        read.Portal.TrustedProxies.Select(network => network.ToString()).ShouldBe(["10.0.0.0/8", "::1/128", "192.0.2.1/32"]);
        read.Tokens.CookieDomain.ShouldBe("example.com");
        read.SignIn.AllowedEmails.ShouldBe(["ann@example.com", "*@friends.example"]);
        read.Limits.SendsPerIp.ShouldBe(new("SENDS_PER_IP", 7, TimeSpan.FromSeconds(60)));
        read.Mail.Transport.ShouldBe("smtp", "SMTP_HOST alone chooses it");
        read.Mail.From.ShouldBe("otp@example.org");
        read.Smtp!.Port.ShouldBe(587);
        read.Smtp.StartTls.ShouldBeTrue();
    }

    [Fact]
    public void A_Postmark_token_selects_Postmark_even_when_SMTP_is_configured()
    {
        var read = Read(("POSTMARK_SERVER_TOKEN", "token"), ("SMTP_HOST", "mail.example.com"));

        read.Mail.Transport.ShouldBe("postmark");
        read.Postmark!.ApiUrl.ShouldBe(new Uri("https://api.postmarkapp.com"));
        read.Postmark.MessageStream.ShouldBe("outbound");
    }

    [Theory]
    [InlineData("MAIL_TRANSPORT", "postmark", "POSTMARK_SERVER_TOKEN is missing")]
    [InlineData("MAIL_TRANSPORT", "smtp", "SMTP_HOST is missing")]
    [InlineData("SMTP_USERNAME", "someone", "SMTP_PASSWORD is missing")]
    [InlineData("SMTP_PASSWORD", "the-password", "SMTP_USERNAME is missing")]
    public void Reports_a_missing_related_setting(string name, string value, string error)
    {
        var said = ErrorOf((name, value));

        said.ShouldStartWith(error);
        said.ShouldNotContain("the-password");
    }

    [Theory]
    [InlineData("redis://localhost", "localhost:6379/0")]
    [InlineData("redis://localhost:7000", "localhost:7000/0")]
    [InlineData("redis://:pass%40word@redis.example:6380/3", "redis.example:6380/3")]
    [InlineData("rediss://:pw@redis.example/2", "redis.example:6379/2")]
    [InlineData("redis://:pw@a.example,b.example:7001,[::1]:7002", "a.example:6379,b.example:7001,::1:7002/0")]
    [InlineData("redis+sentinel://a.example,b.example:7001/portal", "portal@a.example:26379,b.example:7001/0")]
    [InlineData("rediss+sentinel://:pw@a.example/my%20primary/4", "my primary@a.example:26379/4")]
    public void Parses_Redis_URLs(string url, string address)
    {
        var read = Read(("REDIS_URL_OTP", url)).Storage.Otp.ShouldNotBeNull();

        read.ToString().ShouldBe(address, "without the password");
        read.Tls.ShouldBe(url.StartsWith("rediss", StringComparison.Ordinal));
        if (url.Contains("pass%40", StringComparison.Ordinal)) read.Password.ShouldBe("pass@word");
    }

    [Theory]
    [InlineData("redis://user:S3cret@localhost:6379/0", "user name")]
    [InlineData("redis://S3cret@localhost:6379/0", "user name")]
    [InlineData("redis://:S3cret@localhost:6379/zero", "a number")]
    [InlineData("http://:S3cret@localhost", "redis://")]
    [InlineData("S3cret", "redis://")]
    [InlineData("redis://", "redis://")]
    [InlineData("redis://:S3cret@localhost/0?ssl=true", "redis://")]
    [InlineData("redis://:S3cret@localhost,", "redis://")]
    [InlineData("redis://:S3cret@localhost,:7001", "redis://")]
    [InlineData("redis://:S3cret@localhost,other:70000", "redis://")]
    [InlineData("redis://:x/S3cret@localhost", "redis://")]
    [InlineData("redis+sentinel://:S3cret@localhost", "primary-name")]
    [InlineData("redis+sentinel://:S3cret@localhost/", "primary-name")]
    [InlineData("redis+sentinel://:S3cret@localhost//0", "primary-name")]
    [InlineData("redis+sentinel://:S3cret@localhost/portal/zero", "a number")]
    [InlineData("redis+sentinel://:S3cret@localhost/portal/0/1", "primary-name")]
    public void Reports_an_invalid_Redis_URL_without_its_password(string url, string allowed)
    {
        foreach (var name in (string[])["REDIS_URL_OTP", "REDIS_URL_AUTH"])
        {
            var error = ErrorOf((name, url));

            error.ShouldStartWith(name);
            error.ShouldContain(allowed);
            error.ShouldNotContain("S3cret");
        }
    }

    [Fact]
    public void Tokens_are_stored_in_Redis_database_1_by_default() =>
        Read(("REDIS_URL_AUTH", "redis://localhost")).Storage.Auth!.Database.ShouldBe(1);

    [Fact]
    public void Waiting_for_replicas_needs_a_Redis_server()
    {
        Read(("REDIS_URL_AUTH", "redis://localhost"), ("REDIS_WAIT_REPLICAS", "1")).Storage.WaitReplicas.ShouldBe(1);
        ErrorOf(("REDIS_WAIT_REPLICAS", "1")).ShouldStartWith("REDIS_WAIT_REPLICAS needs REDIS_URL_AUTH");
        ErrorOf(("REDIS_URL_AUTH", "redis://localhost"), ("REDIS_WAIT_REPLICAS", "6")).ShouldStartWith("REDIS_WAIT_REPLICAS");
    }

    [Theory]
    [InlineData("https://login.example.com", "login.example.com", true)]
    [InlineData("https://login.example.com", "example.com", true)]
    [InlineData("https://login.example.com", "other.com", false)]
    [InlineData("https://login.example.com", "ample.com", false)]
    [InlineData("https://login.example.com", "sub.login.example.com", false)]
    [InlineData("https://login.example.com", "com", false)]
    [InlineData("https://login.example.com", "exam ple.com", false)]
    public void The_cookie_domain_must_include_the_portal_host(string publicUrl, string domain, bool covers)
    {
        if (covers) Read(("PUBLIC_URL", publicUrl), ("COOKIE_DOMAIN", domain)).Tokens.CookieDomain.ShouldBe(domain);
        else ErrorOf(("PUBLIC_URL", publicUrl), ("COOKIE_DOMAIN", domain)).ShouldStartWith("COOKIE_DOMAIN ");
    }

    [Theory]
    [InlineData("bücher.example")]
    [InlineData(".BÜCHER.example")]
    [InlineData("xn--bcher-kva.example")]
    public void Hosts_are_converted_to_Punycode(string domain)
    {
        var read = Read(
            ("PUBLIC_URL", "https://login.bücher.example:8443"), ("COOKIE_DOMAIN", domain),
            ("LOGO_URL", "https://bücher.example/logo.svg?v=1"), ("EMBED_ORIGINS", "https://Bücher.example:443,http://localhost:5000"));

        read.Portal.Origin.ShouldBe("https://login.xn--bcher-kva.example:8443");
        read.Tokens.CookieDomain.ShouldBe("xn--bcher-kva.example");
        read.Portal.LogoUrl.ShouldNotBeNull().AbsoluteUri.ShouldBe("https://xn--bcher-kva.example/logo.svg?v=1");
        read.Gateway.EmbedOrigins.ShouldBe(["https://xn--bcher-kva.example", "http://localhost:5000"]);
    }

    [Fact]
    public void A_Host_prefixed_cookie_cannot_have_a_domain()
    {
        Read(("PUBLIC_URL", "https://login.example.com"), ("AUTH_TOKEN_COOKIE_NAME", "__Host-t")).Tokens.CookieName.ShouldBe("__Host-t");
        ErrorOf(("PUBLIC_URL", "https://login.example.com"), ("AUTH_TOKEN_COOKIE_NAME", "__Host-t"), ("COOKIE_DOMAIN", "example.com"))
            .ShouldContain("without __Host- when COOKIE_DOMAIN is set");
    }

    [Fact]
    public void Production_requires_a_secret_and_a_mail_transport()
    {
        var errors = ErrorsOf(true);

        errors.Count.ShouldBe(2);
        errors.ShouldContain(error =>
            error.StartsWith("AUTH_SECRET_KEY is missing", StringComparison.Ordinal)
            && error.Contains("16 random characters", StringComparison.Ordinal));
        errors.ShouldContain(error =>
            error.StartsWith("MAIL_TRANSPORT is missing", StringComparison.Ordinal)
            && error.Contains("MAIL_TRANSPORT=mailbox", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("fifteen-letters", "is too short")]
    [InlineData("replace-me-with-32-random-characters", "has the value from .env.sample")]
    public void Production_refuses_a_short_secret_and_the_sample_secret(string secret, string reason)
    {
        var error = ErrorsOf(true, ("AUTH_SECRET_KEY", secret), ("MAIL_TRANSPORT", "mailbox")).ShouldHaveSingleItem();

        error.ShouldStartWith($"AUTH_SECRET_KEY {reason}");
        error.ShouldNotContain(secret);
    }

    private const string Uuid = "2f7a1f60-6b1c-4b6e-9b5f-0f6a3c1d2e4b";

    [Fact]
    public void Parses_the_first_service_account()
    {
        var read = Read(
            ("V2_ADMIN_ACCOUNT", $"{Uuid}:0123456789abcdef:https://orders.example.com:8443"),
            ("V2_ADMIN_REDIRECTS", "app.example.com,*.apps.example.com"), ("OTP_MAX_ATTEMPTS", "3"));

        var admin = read.MagicLinks.Admin.ShouldNotBeNull();
        admin.Account.Id.ToString().ShouldBe(Uuid);
        admin.Account.IsAdmin.ShouldBeTrue();
        admin.Account.Audience.ShouldBe("https://orders.example.com:8443", "the audience may have colons");
        admin.Account.Redirects!.Allows("https://one.apps.example.com/").ShouldBeTrue();
        admin.Account.Redirects.Allows("https://evil.example/").ShouldBeFalse();
        admin.Key.Matches("0123456789abcdef").ShouldBeTrue();
        admin.Key.Matches("0123456789abcdeF").ShouldBeFalse();
        read.MagicLinks.MaxAttempts.ShouldBe(3);
        Read(("V2_ADMIN_ACCOUNT", $"{Uuid}:0123456789abcdef:orders")).MagicLinks.Admin!.Account.Redirects
            .ShouldBeNull("without a list, every address is allowed");
    }

    [Theory]
    [InlineData("the-S3cret-key-0123", "of the form uuid:apiKey:aud")]
    [InlineData("the-S3cret-key-0123:orders", "of the form uuid:apiKey:aud")]
    [InlineData("orders:the-S3cret-key-0123:orders", "begin with a UUID")]
    [InlineData(":the-S3cret-key-0123:orders", "begin with a UUID")]
    [InlineData("2f7a1f606b1c4b6e9b5f0f6a3c1d2e4b:the-S3cret-key-0123:orders", "begin with a UUID")]
    [InlineData("{2f7a1f60-6b1c-4b6e-9b5f-0f6a3c1d2e4b}:the-S3cret-key-0123:orders", "begin with a UUID")]
    [InlineData(Uuid + "::orders", "16 to 128 visible ASCII characters")]
    [InlineData(Uuid + ":S3cret:orders", "16 to 128 visible ASCII characters")]
    [InlineData(Uuid + ":the-S3cret key 0123:orders", "16 to 128 visible ASCII characters")]
    [InlineData(Uuid + ":the-S3cret-k\u00e9y-0123:orders", "16 to 128 visible ASCII characters")]
    [InlineData(Uuid + ":the-S3cret-key-0123:", "audience of 1 to 200 characters")]
    [InlineData(Uuid + ":the-S3cret-key-0123:  ", "audience of 1 to 200 characters")]
    [InlineData(Uuid + ":the-S3cret-key-0123:two\nlines", "audience of 1 to 200 characters")]
    public void Reports_an_invalid_service_account_without_its_key(string value, string problem)
    {
        var error = ErrorOf(("V2_ADMIN_ACCOUNT", value));

        error.ShouldStartWith("V2_ADMIN_ACCOUNT ");
        error.ShouldContain(problem);
        error.ShouldContain("It must be uuid:apiKey:aud");
        error.ShouldNotContain("S3cret");
        error.ShouldNotContain("\n");
    }

    [Fact]
    public void Refuses_a_service_account_key_or_audience_that_is_too_long()
    {
        ErrorOf(("V2_ADMIN_ACCOUNT", $"{Uuid}:{new string('k', 129)}:orders")).ShouldContain("16 to 128");
        ErrorOf(("V2_ADMIN_ACCOUNT", $"{Uuid}:{new string('k', 128)}:{new string('a', 201)}")).ShouldContain("1 to 200");
        Read(("V2_ADMIN_ACCOUNT", $"{Uuid}:{new string('k', 128)}:{new string('a', 200)}")).MagicLinks.Admin.ShouldNotBeNull();
    }

    [Fact]
    public void A_service_account_cannot_have_the_audience_of_user_tokens()
    {
        ErrorOf(("V2_ADMIN_ACCOUNT", $"{Uuid}:the-S3cret-key-0123:OTP Portal"))
            .ShouldContain("the audience of TOKEN_AUDIENCE (or APP_NAME)");
        ErrorOf(("V2_ADMIN_ACCOUNT", $"{Uuid}:the-S3cret-key-0123: orders "), ("TOKEN_AUDIENCE", "orders"))
            .ShouldContain("the audience of TOKEN_AUDIENCE");
        Read(("V2_ADMIN_ACCOUNT", $"{Uuid}:the-S3cret-key-0123:OTP Portal"), ("TOKEN_AUDIENCE", "orders")).Jwt.Audience.ShouldBe("orders");
    }

    [Fact]
    public void The_token_audience_defaults_to_the_app_name() =>
        Read(("APP_NAME", "Our App")).Jwt.Audience.ShouldBe("Our App");

    [Theory]
    [InlineData("*.com")]
    [InlineData("https://app.example.com")]
    public void Reports_invalid_redirect_hosts_of_the_first_account(string hosts)
    {
        var error = ErrorOf(("V2_ADMIN_ACCOUNT", $"{Uuid}:the-S3cret-key-0123:orders"), ("V2_ADMIN_REDIRECTS", hosts));

        error.ShouldStartWith("V2_ADMIN_REDIRECTS must be ");
        error.ShouldContain($"but is \"{hosts}\"");
        error.ShouldContain("hosts such as");
    }

    [Fact]
    public void Reports_redirects_without_a_first_account() =>
        ErrorOf(("V2_ADMIN_REDIRECTS", "app.example.com")).ShouldStartWith("V2_ADMIN_ACCOUNT is missing. V2_ADMIN_REDIRECTS");

    [Fact]
    public void The_sample_service_account_is_valid_but_refused_in_Production()
    {
        var line = File.ReadAllLines(Path.Combine(RepositoryRoot(), ".env.sample"))
            .Single(line => line.StartsWith("# V2_ADMIN_ACCOUNT=", StringComparison.Ordinal));
        var sample = line["# V2_ADMIN_ACCOUNT=".Length..];

        sample.Split(':')[1].ShouldBe(OtpPortal.MagicLinks.MagicLinkSettings.SampleKey);
        Read(("V2_ADMIN_ACCOUNT", sample)).MagicLinks.Admin.ShouldNotBeNull();
        var error = ErrorsOf(true, ("AUTH_SECRET_KEY", PortalHost.Secret), ("MAIL_TRANSPORT", "mailbox"), ("V2_ADMIN_ACCOUNT", sample))
            .ShouldHaveSingleItem();
        error.ShouldStartWith("V2_ADMIN_ACCOUNT has the key from .env.sample");
        error.ShouldNotContain(OtpPortal.MagicLinks.MagicLinkSettings.SampleKey);
    }

    [Fact]
    public void Production_refuses_DEBUG() =>
        ErrorsOf(true, ("AUTH_SECRET_KEY", PortalHost.Secret), ("MAIL_TRANSPORT", "mailbox"), ("DEBUG", "true")).ShouldHaveSingleItem()
            .ShouldStartWith("DEBUG ");

    [Fact]
    public void Production_with_a_real_mail_transport_hides_the_mailbox()
    {
        var read = Read(true, ("AUTH_SECRET_KEY", PortalHost.Secret), ("POSTMARK_SERVER_TOKEN", "token"));

        read.Mail.ShowMailbox.ShouldBeFalse();
        read.Portal.IsProduction.ShouldBeTrue();
    }

    [Fact]
    public void Development_generates_a_secret_in_a_file_readable_only_by_its_owner()
    {
        using var folder = new TemporaryFolder();
        var values = new Dictionary<string, string> { ["DATA_DIR"] = Path.Combine(folder.Path, "new", "data") };

        var first = AllSettings.Read(values, false).Secret;
        var second = AllSettings.Read(values, false).Secret;

        var file = Path.Combine(folder.Path, "new", "data", "auth-secret-key");
        var kept = File.ReadAllText(file).Trim();
        kept.Length.ShouldBe(64);
        first.Matches(kept).ShouldBeTrue();
        second.Matches(kept).ShouldBeTrue();
        File.GetUnixFileMode(file).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Fact]
    public void Reports_a_data_folder_that_cannot_be_created()
    {
        using var folder = new TemporaryFolder();
        var file = Path.Combine(folder.Path, "a-file");
        File.WriteAllText(file, "");
        var values = new Dictionary<string, string> { ["DATA_DIR"] = Path.Combine(file, "data") };

        var error = Should.Throw<SettingsException>(() => AllSettings.Read(values, false)).Errors.ShouldHaveSingleItem();

        error.ShouldStartWith("DATA_DIR ");
        error.ShouldContain("a-file");
    }

    [Fact]
    public void ToString_never_reveals_a_secret()
    {
        var read = Read(
            ("POSTMARK_SERVER_TOKEN", "tok-S3cret"), ("SMTP_HOST", "mail.example.com"), ("SMTP_USERNAME", "u"),
            ("SMTP_PASSWORD", "pw-S3cret"), ("REDIS_URL_OTP", "redis://:rd-S3cret@localhost"), ("AUTH_SECRET_KEY", "key-S3cret-0123456789"),
            ("V2_ADMIN_ACCOUNT", $"{Uuid}:api-S3cret-0123456789:orders"));

        read.ToString().ShouldNotContain("S3cret");
        read.MagicLinks.Admin!.ToString()!.ShouldNotContain("S3cret");
        new OtpPortal.Sessions.LiveToken("sid", "a@b.c", "tok-S3cret", TimeSpan.Zero).ToString().ShouldNotContain("S3cret");
        new OtpPortal.Delivery.Message("a@b.c", "S3cret", "S3cret", "S3cret").ToString().ShouldNotContain("S3cret");
    }

    [Fact]
    public void The_sample_lists_every_setting()
    {
        var sample = File.ReadAllText(Path.Combine(RepositoryRoot(), ".env.sample"));

        // The sample describes the NAME_FILE variants of secrets only once, at the top.
        foreach (var name in Recorder.Names()
            .Where(name => !name.EndsWith("_FILE", StringComparison.Ordinal) || name is "USERS_FILE" or "AUDIT_FILE"))
        {
            sample.ShouldContain(name + "=", Case.Sensitive, $"{name} is missing in .env.sample");
        }
    }

    internal static string RepositoryRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "OtpPortal.sln"))) return folder.FullName;
        }
        throw new InvalidOperationException("The tests run outside of the repository.");
    }

    /// <summary>Records which settings are read.</summary>
    private sealed class Recorder : ConfigurationProvider, IConfigurationSource
    {
        private readonly HashSet<string> _requested = new(StringComparer.Ordinal);

        public static IReadOnlyCollection<string> Names()
        {
            var recorder = new Recorder();
            var builder = AllSettings.Builder(new Dictionary<string, string>(StringComparer.Ordinal), isProduction: false);
            builder.Configuration.Sources.Add(recorder);
            recorder._requested.Clear();
            PortalApp.AddFeatures(builder);
            return [.. recorder._requested.Where(name => SettingName().IsMatch(name))];
        }

        public override bool TryGet(string key, out string? value)
        {
            _requested.Add(key);
            value = key == "AUTH_SECRET_KEY" ? PortalHost.Secret : null;
            return value is not null;
        }

        public IConfigurationProvider Build(IConfigurationBuilder builder) => this;
    }

    [GeneratedRegex("^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$", RegexOptions.None, 1000)]
    private static partial Regex SettingName();
}
