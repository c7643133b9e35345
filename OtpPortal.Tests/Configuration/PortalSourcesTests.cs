using Microsoft.Extensions.Configuration;
using OtpPortal.Configuration;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Configuration;

public sealed class PortalSourcesTests : IDisposable
{
    // Not a real setting, because the test sets it in the environment of the test process.
    private const string Name = "OTPPORTAL_TEST_OF_SOURCES";

    private readonly TemporaryFolder _folder = new();
    private readonly TemporaryFolder _secrets = new();

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(Name, null);
        _folder.Dispose();
        _secrets.Dispose();
    }

    [Fact]
    public void A_later_source_overrides_an_earlier_one()
    {
        Open()[Name].ShouldBeNull();

        Write("appsettings.json", $$"""{"{{Name}}": "appsettings.json", "PORT": 3100}""");
        Open()[Name].ShouldBe("appsettings.json");
        Open()["PORT"].ShouldBe("3100");

        Write(".env", $"{Name}=.env");
        Open()[Name].ShouldBe(".env");

        File.WriteAllText(Path.Combine(_secrets.Path, Name), "/run/secrets\n");
        Open()[Name]!.Trim().ShouldBe("/run/secrets");

        Environment.SetEnvironmentVariable(Name, "environment");
        Open()[Name].ShouldBe("environment");

        Open("--" + Name + "=command line")[Name].ShouldBe("command line");
    }

    [Theory]
    [InlineData("appsettings.json", """{"PORT": "abc"}""",
        "PORT must be a whole number between 1 and 65535, but is \"abc\" (appsettings.json).")]
    [InlineData(".env", "PORT=abc", "PORT must be a whole number between 1 and 65535, but is \"abc\" (.env).")]
    [InlineData(".env", "PORT abc", ".env, line 1: expected NAME=value, with a name of letters, digits and underscores.")]
    public void An_error_names_the_source(string file, string content, string error)
    {
        Write(file, content);
        var reader = Reader();

        reader.Integer("PORT", 3000, 1, 65535).ShouldBe(3000);

        reader.Errors.ShouldHaveSingleItem().ShouldBe(error);
    }

    [Fact]
    public void An_error_names_the_file_of_a_secret()
    {
        File.WriteAllText(Path.Combine(_secrets.Path, "OTP_MAX_SENDS"), "many");
        var reader = Reader();

        reader.Integer("OTP_MAX_SENDS", 3, 1, 10);

        reader.Errors.ShouldHaveSingleItem().ShouldEndWith("but is \"many\" (/run/secrets/OTP_MAX_SENDS).");
    }

    [Fact]
    public void An_error_names_the_command_line()
    {
        var reader = Reader("--OTP_MAX_SENDS=many");

        reader.Integer("OTP_MAX_SENDS", 3, 1, 10);

        reader.Errors.ShouldHaveSingleItem().ShouldEndWith("but is \"many\" (command line).");
    }

    [Fact]
    public void An_invalid_appsettings_json_prevents_startup()
    {
        Write("appsettings.json", "PORT=3100");

        Should.Throw<SettingsException>(() => Open()).Errors.ShouldHaveSingleItem().ShouldContain("appsettings.json");
    }

    [Fact]
    public void A_list_can_be_a_JSON_array()
    {
        Write("appsettings.json", """{"ALLOWED_EMAILS": ["ann@example.com", "*@example.org"]}""");

        Reader().List("ALLOWED_EMAILS").ShouldBe(["ann@example.com", "*@example.org"]);
    }

    [Fact]
    public void Reads_a_name_with_a_double_underscore()
    {
        Environment.SetEnvironmentVariable(Name, "one");
        Write(".env", "EVENTS_A__B_URL=https://example.com");

        Reader().Text("EVENTS_A__B_URL").ShouldBe("https://example.com");
        AllSettings.Reader(new Dictionary<string, string> { ["EVENTS_A:B_URL"] = "https://example.com" })
            .Text("EVENTS_A__B_URL").ShouldBe("https://example.com");
    }

    [Fact]
    public void Reads_a_secret_from_a_file()
    {
        Write("password", "s3cret with blanks\n");

        var reader = AllSettings.Reader(new Dictionary<string, string> { ["SMTP_PASSWORD_FILE"] = Path.Combine(_folder.Path, "password") });

        reader.Secret("SMTP_PASSWORD").ShouldBe("s3cret with blanks");
        reader.Errors.ShouldBeEmpty();
    }

    [Fact]
    public void Reports_an_error_when_a_secret_and_its_file_are_both_set()
    {
        Write("password", "from-the-file");
        var reader = AllSettings.Reader(new Dictionary<string, string>
        {
            ["SMTP_PASSWORD"] = "S3cret",
            ["SMTP_PASSWORD_FILE"] = Path.Combine(_folder.Path, "password"),
        });

        reader.Secret("SMTP_PASSWORD").ShouldBeNull();
        reader.Secret("SMTP_PASSWORD").ShouldBeNull();

        reader.Errors.ShouldHaveSingleItem().ShouldBe("SMTP_PASSWORD and SMTP_PASSWORD_FILE are both set. Set only one of them.");
    }

    [Theory]
    [InlineData("missing", "a readable file")]
    [InlineData("empty", "a file that contains the secret")]
    [InlineData("large", "a file of at most 64 KB")]
    public void Reports_an_error_for_a_missing_empty_or_oversized_secret_file(string name, string allowed)
    {
        Write("empty", " \n");
        Write("large", new string('x', 70_000));
        var path = Path.Combine(_folder.Path, name);
        var reader = AllSettings.Reader(new Dictionary<string, string> { ["SMTP_PASSWORD_FILE"] = path });

        reader.Secret("SMTP_PASSWORD").ShouldBeNull();

        reader.Errors.ShouldHaveSingleItem().ShouldBe($"SMTP_PASSWORD_FILE must be {allowed}, but is \"{path}\".");
    }

    [Theory]
    [InlineData("AUTH_SECRET_KEY", "0123456789abcdef0123456789abcdef")]
    [InlineData("REDIS_URL_OTP", "redis://:pw@redis.example.com:6379/3")]
    [InlineData("REDIS_URL_AUTH", "redis://:pw@redis.example.com:6379/3")]
    [InlineData("POSTMARK_SERVER_TOKEN", "a-token")]
    [InlineData("CAPTCHA_SECRET_KEY", "a-key", "CAPTCHA_PROVIDER", "turnstile", "CAPTCHA_SITE_KEY", "a-site")]
    [InlineData("NAMESPACES", "shop:0123456789abcdef")]
    [InlineData("EVENTS_SHOP_SECRET", "0123456789abcdef",
        "NAMESPACES", "shop:0123456789abcdef", "EVENTS_SHOP_URL", "https://shop.example.com")]
    [InlineData("V2_ADMIN_ACCOUNT", "3f0cf68e-1d1a-4d4f-a4a9-d6a0a5a9a001:40084740-0bc3-455d-b298-e23a31561580:orders")]
    [InlineData("SMTP_PASSWORD", "a-password", "SMTP_HOST", "mail.example.com", "SMTP_USERNAME", "ann")]
    [InlineData("SIPGATE_PASSWORD", "a-password", "SIPGATE_USERNAME", "ann")]
    [InlineData("KALEYRA_API_KEY", "a-key", "KALEYRA_SID", "sid", "KALEYRA_SENDER", "sender")]
    [InlineData("AWS_SECRET_ACCESS_KEY", "a-key", "AWS_REGION", "eu-central-1", "AWS_ACCESS_KEY_ID", "AKID")]
    [InlineData("WEBHOOK_SHOP_PASSWORD", "a-password",
        "WEBHOOKS", "shop", "WEBHOOK_SHOP_URL", "https://shop.example.com", "WEBHOOK_SHOP_USERNAME", "ann")]
    [InlineData("AUDIT_SECRET", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", "AUDIT_URL", "https://siem.example.com")]
    public void Every_secret_can_be_read_from_a_file(string name, string value, params string[] others)
    {
        Write("secret", value);
        var settings = others.Chunk(2).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
        if (name != "AUTH_SECRET_KEY") settings["AUTH_SECRET_KEY"] = PortalHost.Secret;
        settings[name + "_FILE"] = Path.Combine(_folder.Path, "secret");

        Should.NotThrow(() => AllSettings.Read(settings, isProduction: false));

        settings[name] = value;
        Should.Throw<SettingsException>(() => AllSettings.Read(settings, isProduction: false))
            .Errors.ShouldContain($"{name} and {name}_FILE are both set. Set only one of them.");
    }

    private void Write(string name, string content) => File.WriteAllText(Path.Combine(_folder.Path, name), content);

    private ConfigurationManager Open(params string[] args)
    {
        var configuration = new ConfigurationManager();
        configuration.AddPortalSources(args, isDevelopment: false, _folder.Path, _secrets.Path);
        return configuration;
    }

    private SettingsReader Reader(params string[] args) => new(Open(args), isProduction: false, _folder.Path);
}
