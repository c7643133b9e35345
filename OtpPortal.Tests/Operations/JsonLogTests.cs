using System.Text.Json;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Operations;

/// <summary>LOG_FORMAT=json.</summary>
public sealed class JsonLogTests(MeteredPortal portal) : IClassFixture<MeteredPortal>
{
    private static IReadOnlyList<JsonElement> Parse(string output) =>
        [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

    [Fact]
    public async Task Every_line_is_a_JSON_object_with_the_time_in_UTC()
    {
        await Eventually.BeTrueAsync(() => portal.Process.Output.Contains(" is ready on ", StringComparison.Ordinal));

        var entries = Parse(portal.Process.Output);

        foreach (var entry in entries)
        {
            var time = entry.GetProperty("Timestamp").GetString().ShouldNotBeNull();
            time.ShouldEndWith("Z");
            (DateTimeOffset.UtcNow - DateTimeOffset.Parse(time, null)).ShouldBeInRange(TimeSpan.FromMinutes(-1), TimeSpan.FromHours(1));
            entry.GetProperty("LogLevel").GetString().ShouldNotBeNullOrEmpty();
            entry.GetProperty("Message").GetString().ShouldNotBeNullOrEmpty();
        }
        entries.ShouldContain(entry => entry.GetProperty("Category").GetString() == "OtpPortal.StartupMessage");
    }

    [Fact]
    public async Task Entries_and_their_scopes_contain_no_personal_data_and_no_secrets()
    {
        using var browser = new BrowserClient(portal.Process.Address).AsProgram();
        browser.Headers["Authorization"] = "Basic " + Convert.ToBase64String("MyApp:secret"u8.ToArray());
        // The provider fails, which is logged within the scope of this request.
        string[] secrets = ["SecretVerification0123", "0170987654321", "73518264", browser.Source.ToString()];
        var fields = new Dictionary<string, string> { ["provider"] = "calls", ["to"] = secrets[1], ["otp"] = secrets[2] };
        await browser.SendAsync(HttpMethod.Put, $"/api/otp/{secrets[0]}", new FormUrlEncodedContent(fields));
        await Eventually.BeTrueAsync(() => portal.Process.Output.Contains("Could not send a message with calls", StringComparison.Ordinal));

        var output = portal.Process.Output;

        Parse(output).ShouldContain(entry =>
            entry.GetProperty("LogLevel").GetString() == "Error" && entry.GetProperty("Scopes").GetArrayLength() > 0);
        portal.Secrets.Concat(secrets).ShouldAllBe(secret => !output.Contains(secret, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("json")]
    [InlineData(" JSON ")]
    public async Task Start_errors_are_entries_as_well(string format)
    {
        var end = await PortalProcess.FailAsync(("LOG_FORMAT", format), ("OTP_CODE_LENGTH", "4"), ("SMTP_TLS", "ssl"));

        end.Code.ShouldBe(1);
        end.Errors.ShouldBeEmpty();
        Parse(end.Output).Select(entry => entry.GetProperty("State").GetProperty("Problem").GetString()).ShouldBe(
        [
            "OTP_CODE_LENGTH must be between 6 and 24 digits, but is \"4\" (environment).",
            "SMTP_TLS must be none or starttls, but is \"ssl\" (environment).",
        ], ignoreOrder: true);
    }

    [Fact]
    public async Task Another_format_stops_the_start()
    {
        var end = await PortalProcess.FailAsync(("LOG_FORMAT", "xml"));

        (end.Code, end.Output).ShouldBe((1, ""));
        end.Errors.ShouldContain("LOG_FORMAT must be text or json, but is \"xml\" (environment).");
    }
}
