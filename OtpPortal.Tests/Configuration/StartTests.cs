using System.Globalization;
using System.Net;
using System.Net.Sockets;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Configuration;

/// <summary>A failed startup exits with actionable error messages and without a stack trace.</summary>
public sealed class StartTests
{
    private static void ShouldReport((int Code, string Output, string Errors) end, params string[] words)
    {
        end.Code.ShouldBe(1);
        end.Errors.ShouldStartWith("OTP Portal cannot start:");
        foreach (var word in words) end.Errors.ShouldContain(word);
        end.Output.ShouldBeEmpty("nothing else is revealed");
        end.Errors.ShouldNotContain("   at ");
        end.Errors.ShouldNotContain("Exception");
    }

    [Fact]
    public async Task Reports_every_invalid_setting()
    {
        var end = await PortalProcess.FailAsync(("OTP_CODE_LENGTH", "4"), ("SMTP_TLS", "ssl"));

        ShouldReport(end,
            "OTP_CODE_LENGTH must be between 6 and 24 digits, but is \"4\" (environment).",
            "SMTP_TLS must be none or starttls, but is \"ssl\" (environment).");
    }

    [Fact]
    public async Task The_portal_watches_no_folder()
    {
        using var portal = await PortalProcess.StartAsync();

        Directory.GetFiles(string.Create(CultureInfo.InvariantCulture, $"/proc/{portal.Id}/fdinfo"))
            .SelectMany(LinesOf)
            .ShouldNotContain(line => line.StartsWith("inotify ", StringComparison.Ordinal));

        static string[] LinesOf(string file)
        {
            try
            {
                return File.ReadAllLines(file);
            }
            catch (FileNotFoundException)
            {
                // The portal has closed it.
                return [];
            }
        }
    }

    [Fact]
    public async Task Reports_a_port_that_is_in_use()
    {
        using var occupant = new TcpListener(IPAddress.Loopback, 0);
        occupant.Start();
        var port = ((IPEndPoint)occupant.LocalEndpoint).Port;

        ShouldReport(await PortalProcess.FailAsync(("PORT", port.ToString(null, null))),
            $"PORT must be a free port, but another program is using {port}");
    }

    [Fact]
    public async Task Reports_a_metrics_port_that_is_in_use_or_is_the_portals_own()
    {
        using var occupant = new TcpListener(IPAddress.Loopback, 0);
        occupant.Start();
        var port = ((IPEndPoint)occupant.LocalEndpoint).Port.ToString(null, null);

        ShouldReport(await PortalProcess.FailAsync(("METRICS_PORT", port)),
            $"METRICS_PORT must be a free port, but another program is using {port}. Stop it or set another METRICS_PORT.");
        ShouldReport(await PortalProcess.FailAsync(("PORT", "20001"), ("METRICS_PORT", "20001")),
            "METRICS_PORT must differ from PORT, but both are 20001.");
    }

    [Fact]
    public async Task Reports_a_bind_address_of_another_machine() =>
        ShouldReport(await PortalProcess.FailAsync(("BIND_ADDRESS", "203.0.113.1")),
            "BIND_ADDRESS must be an address of this machine, but is \"203.0.113.1\"");

    [Fact]
    public async Task Reports_a_data_folder_that_cannot_be_used()
    {
        using var folder = new TemporaryFolder();
        var file = Path.Combine(folder.Path, "a-file");
        await File.WriteAllTextAsync(file, "");

        // With AUTH_SECRET_KEY set, only the embedded store uses the data folder.
        ShouldReport(await PortalProcess.FailAsync(("DATA_DIR", file), ("REDIS_URL_OTP", "")), "DATA_DIR", file);
    }

    [Fact]
    public async Task Reports_a_missing_secret_key_in_Production() =>
        ShouldReport(
            await PortalProcess.FailAsync(("ASPNETCORE_ENVIRONMENT", "Production"), ("AUTH_SECRET_KEY", "")), "AUTH_SECRET_KEY is missing");
}
