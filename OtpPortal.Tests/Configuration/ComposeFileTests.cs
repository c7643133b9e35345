using System.Text.RegularExpressions;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Configuration;

/// <summary>The environment that docker-compose derives from <c>compose.yaml</c> and <c>.env</c>.</summary>
public sealed partial class ComposeFileTests
{
    // In the container, these values are fixed by compose.yaml and not read from .env.
    private static readonly Dictionary<string, string> s_fixed = new(StringComparer.Ordinal)
    {
        ["PORT"] = "3000",
        ["BIND_ADDRESS"] = "",
        ["DATA_DIR"] = "",
        ["DEBUG"] = "",
        ["REDIS_URL_OTP"] = "redis://redis:6379/0",
        ["REDIS_URL_AUTH"] = "redis://redis:6379/1",
        ["TRUSTED_PROXIES"] = "172.31.213.0/24",
    };

    private static Task<Dictionary<string, string>> EnvironmentOfAsync(
        string service, IEnumerable<string> dotEnv, string file = "compose.yaml") =>
        ComposeFile.EnvironmentOfAsync(file, service, dotEnv);

    private static string[] SampleSettingNames() =>
        [.. Setting().Matches(RepositoryRoot.Read(".env.sample")).Select(match => match.Groups[1].Value).Distinct(StringComparer.Ordinal)];

    [Fact]
    public async Task Passes_every_setting_of_the_sample_to_the_portal()
    {
        var names = SampleSettingNames();
        names.Length.ShouldBeGreaterThan(100);

        var environment = await EnvironmentOfAsync(
            "portal", names.Select(name => name == "PORT" ? "PORT=8080" : $"{name}=value-of-{name}"));

        foreach (var name in names) environment.ShouldContainKeyAndValue(name, s_fixed.GetValueOrDefault(name, "value-of-" + name));
        environment["ASPNETCORE_ENVIRONMENT"].ShouldBe("Production");
    }

    [Fact]
    public async Task Passes_settings_with_operator_defined_names_to_the_portal()
    {
        var environment = await EnvironmentOfAsync(
            "portal", ["WEBHOOKS=calls", "WEBHOOK_CALLS_URL=https://calls.example.com/otp", "SMTP_PASSWORD_FILE=/run/secrets/smtp"]);

        environment["WEBHOOK_CALLS_URL"].ShouldBe("https://calls.example.com/otp");
        environment["SMTP_PASSWORD_FILE"].ShouldBe("/run/secrets/smtp");
        environment["PUBLIC_URL"].ShouldBe("http://localhost:3000");
    }

    [Theory]
    [InlineData("cluster", "redis://172.31.213.11:6379,172.31.213.12:6379,172.31.213.13:6379,172.31.213.14:6379", "")]
    [InlineData("sentinel", "redis+sentinel://172.31.213.21:26379,172.31.213.22:26379,172.31.213.23:26379/portal", "/0")]
    public async Task The_variants_with_failover_have_the_settings_of_the_portal(string variant, string redis, string database)
    {
        var file = $"deploy/compose.{variant}.yaml";
        var environment = await EnvironmentOfAsync("portal", ["APP_NAME=Ours", "REDIS_URL_OTP=redis://elsewhere"], file);

        environment["APP_NAME"].ShouldBe("Ours");
        environment["ASPNETCORE_ENVIRONMENT"].ShouldBe("Production");
        environment["REDIS_URL_OTP"].ShouldBe(redis + database);
        environment["REDIS_URL_AUTH"].ShouldBe(redis + (database.Length > 0 ? "/1" : ""));
        AllSettings.Read(
            new Dictionary<string, string> { ["REDIS_URL_AUTH"] = environment["REDIS_URL_AUTH"] }, isProduction: false)
            .Storage.Auth!.EndPoints.Count.ShouldBe(variant == "cluster" ? 4 : 3);
        RepositoryRoot.Read(file).ShouldContain("./deploy/nginx.conf:/etc/nginx/nginx.conf:ro");
    }

    [Fact]
    public async Task Passes_TRUSTED_PROXIES_of_the_env_file_to_the_proxy() =>
        (await EnvironmentOfAsync("proxy", ["TRUSTED_PROXIES=10.0.0.0/8"]))["TRUSTED_PROXIES"].ShouldBe("10.0.0.0/8");

    [GeneratedRegex("^(?:# )?([A-Z][A-Z0-9_]+)=", RegexOptions.Multiline, 1000)]
    private static partial Regex Setting();
}
