using System.Text.RegularExpressions;
using OtpPortal.Tests.Client;
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

    private static async Task<Dictionary<string, string>> EnvironmentOfAsync(string service, IEnumerable<string> dotEnv)
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "compose.yaml"), RepositoryRoot.Read("compose.yaml"));
        await File.WriteAllLinesAsync(Path.Combine(folder.Path, ".env"), dotEnv);
        var start = ExampleProgram.Start("docker-compose", "config");
        start.WorkingDirectory = folder.Path;
        // Variables of the shell would take precedence over .env.
        foreach (var name in (string[])["PORT", "PUBLIC_URL", "TRUSTED_PROXIES"]) start.Environment.Remove(name);

        var (code, output, errors) = await ExampleProgram.RunAsync(start, "");

        code.ShouldBe(0, errors);
        return output.Split('\n')
            .SkipWhile(line => line != "services:")
            .SkipWhile(line => line != $"  {service}:")
            .SkipWhile(line => line != "    environment:").Skip(1)
            .TakeWhile(line => line.StartsWith("      ", StringComparison.Ordinal))
            .Select(line => line.Trim().Split(": ", 2))
            .ToDictionary(parts => parts[0], parts => parts[1].Trim('\'', '"'), StringComparer.Ordinal);
    }

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

    [Fact]
    public async Task Passes_TRUSTED_PROXIES_of_the_env_file_to_the_proxy() =>
        (await EnvironmentOfAsync("proxy", ["TRUSTED_PROXIES=10.0.0.0/8"]))["TRUSTED_PROXIES"].ShouldBe("10.0.0.0/8");

    [GeneratedRegex("^(?:# )?([A-Z][A-Z0-9_]+)=", RegexOptions.Multiline, 1000)]
    private static partial Regex Setting();
}
