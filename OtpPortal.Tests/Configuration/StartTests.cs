using System.Net;
using System.Net.Sockets;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Configuration;

/// <summary>A start that cannot work ends at once, with lines that say what to do and no stack trace.</summary>
public sealed class StartTests
{
    private static void ShouldSay((int Code, string Output, string Errors) end, params string[] words)
    {
        end.Code.ShouldBe(1);
        end.Errors.ShouldStartWith("OTP Portal cannot start:");
        foreach (var word in words) end.Errors.ShouldContain(word);
        end.Output.ShouldBeEmpty("nothing else is told");
        end.Errors.ShouldNotContain("   at ");
        end.Errors.ShouldNotContain("Exception");
    }

    [Fact]
    public async Task All_that_is_wrong_with_the_settings_is_said()
    {
        var end = await PortalProcess.FailAsync(("OTP_CODE_LENGTH", "4"), ("SMTP_TLS", "ssl"));

        ShouldSay(end,
            "OTP_CODE_LENGTH must be between 6 and 24 digits, but is \"4\" (environment).",
            "SMTP_TLS must be none or starttls, but is \"ssl\" (environment).");
    }

    [Fact]
    public async Task A_port_in_use_is_named()
    {
        using var occupant = new TcpListener(IPAddress.Loopback, 0);
        occupant.Start();
        var port = ((IPEndPoint)occupant.LocalEndpoint).Port;

        ShouldSay(await PortalProcess.FailAsync(("PORT", port.ToString(null, null))),
            $"PORT must be a free port, but another program is using {port}");
    }

    [Fact]
    public async Task An_address_of_another_machine_is_named() =>
        ShouldSay(await PortalProcess.FailAsync(("BIND_ADDRESS", "203.0.113.1")),
            "BIND_ADDRESS must be an address of this machine, but is \"203.0.113.1\"");

    [Fact]
    public async Task A_data_folder_that_cannot_be_used_is_named()
    {
        using var folder = new TemporaryFolder();
        var file = Path.Combine(folder.Path, "a-file");
        await File.WriteAllTextAsync(file, "");

        // The embedded store is what needs it, when there is a key.
        ShouldSay(await PortalProcess.FailAsync(("DATA_DIR", file), ("REDIS_URL_OTP", "")), "DATA_DIR", file);
    }

    [Fact]
    public async Task Production_without_a_key_does_not_start() =>
        ShouldSay(
            await PortalProcess.FailAsync(("ASPNETCORE_ENVIRONMENT", "Production"), ("AUTH_SECRET_KEY", "")), "AUTH_SECRET_KEY is missing");
}
