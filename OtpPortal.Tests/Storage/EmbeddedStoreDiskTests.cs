using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Storage;

/// <summary>Tests the embedded store on full, read-only and damaged storage.</summary>
public sealed class EmbeddedStoreDiskTests : IDisposable
{
    private const string Credentials = "App:a-secret-of-the-namespace";

    // Flags of open files, from open(2): O_ACCMODE, O_RDONLY, O_SYNC.
    private const int AccessMode = 0x3;
    private const int ReadOnly = 0;
    private const int Sync = 0x101000;

    private readonly TemporaryFolder _folder = new();
    private readonly HttpClient _http = new();

    public void Dispose()
    {
        _http.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_full_disk_stops_writes_and_recovers_without_a_restart_or_data_loss()
    {
        using var portal = await PortalProcess.StartAsync(
            ["env", "--ignore-signal=XFSZ"],
            // Otherwise the runtime creates a large file for W^X, which exceeds the limit.
            ("DOTNET_EnableWriteXorExecute", "0"), ("REDIS_URL_OTP", ""), ("REDIS_URL_AUTH", ""), ("DATA_DIR", _folder.Path),
            ("NAMESPACES", Credentials));
        var acknowledged = new List<string>();

        // Repeated, because the store once failed to close after some of the failures.
        for (var round = 0; round < 4; round++)
        {
            var size = new DirectoryInfo(_folder.Path).EnumerateFiles("aof.log.*", SearchOption.AllDirectories).Max(file => file.Length);
            await LimitFileSizeAsync(portal, $"{size + 100_000}");
            HttpStatusCode[] statuses;
            do
            {
                string[] ids = [.. Enumerable.Range(0, 6).Select(number => $"verification-{acknowledged.Count}-{number}")];
                statuses = await Task.WhenAll(ids.Select(id => PutAsync(portal, id)));
                acknowledged.AddRange(ids.Where((_, number) => statuses[number] == HttpStatusCode.OK));
                acknowledged.Count.ShouldBeLessThan(2000, "the limit does not work");
            }
            while (statuses.All(status => status == HttpStatusCode.OK));

            statuses.ShouldBeSubsetOf([HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable]);
            await Eventually.BeTrueAsync(async () => await PutAsync(portal, "one-more") == HttpStatusCode.ServiceUnavailable
                && await StatusOfAsync(portal, "/readyz") == HttpStatusCode.ServiceUnavailable);
            (await StatusOfAsync(portal, "/healthz")).ShouldBe(HttpStatusCode.OK);

            await LimitFileSizeAsync(portal, "unlimited");
            await Eventually.BeTrueAsync(async () => await StatusOfAsync(portal, "/readyz") == HttpStatusCode.OK, () => portal.Log);
            await Eventually.BeTrueAsync(async () => await PutAsync(portal, $"after-round-{round}") == HttpStatusCode.OK);
        }

        portal.Log.ShouldContain("The embedded store cannot write to " + Path.Combine(_folder.Path, "store", "1"));
        portal.Log.ShouldNotContain("   at ");
        foreach (var id in acknowledged) (await ReadStatusAsync(portal, id)).ShouldContain("OTP not verified", customMessage: id);
    }

    [Fact]
    public async Task Acknowledged_writes_survive_a_power_failure()
    {
        using var portal = await PortalProcess.StartAsync(("REDIS_URL_OTP", ""), ("REDIS_URL_AUTH", ""), ("DATA_DIR", _folder.Path));

        // A power failure cannot be tested here, so this checks that each write waits for the disk.
        var logs = FlagsOfOpenFiles(portal, "aof.log.0").Where(flags => (flags & AccessMode) != ReadOnly).ToList();

        logs.ShouldNotBeEmpty();
        logs.ShouldAllBe(flags => (flags & Sync) == Sync);
    }

    [Fact]
    public async Task A_read_only_data_directory_prevents_startup_with_a_clear_error()
    {
        using (await PortalProcess.StartAsync(("REDIS_URL_OTP", ""), ("REDIS_URL_AUTH", ""), ("DATA_DIR", _folder.Path))) { }

        // A separate mount namespace makes the directory read-only for root too.
        var (code, _, errors) = await PortalProcess.FailAsync(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
                """mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@" """.Trim(), _folder.Path],
            ("REDIS_URL_OTP", ""), ("REDIS_URL_AUTH", ""), ("DATA_DIR", _folder.Path));

        code.ShouldBe(1);
        errors.ShouldContain($"DATA_DIR ({_folder.Path}) must be a directory that this process can write to.");
        errors.ShouldNotContain("   at ");
    }

    [Fact]
    public async Task A_damaged_store_prevents_startup_and_can_be_repaired()
    {
        (string, string)[] settings =
            [("REDIS_URL_OTP", ""), ("REDIS_URL_AUTH", ""), ("DATA_DIR", _folder.Path), ("NAMESPACES", Credentials)];
        using var portal = await PortalProcess.StartAsync(settings);
        for (var i = 0; i < 400; i++) (await PutAsync(portal, $"verification-{i}")).ShouldBe(HttpStatusCode.OK);
        (await portal.CommandAsync("--repair-store")).ShouldSatisfyAllConditions(
            refused => refused.Code.ShouldBe(1),
            refused => refused.Output.ShouldContain("in use by another process"));
        portal.Kill();
        var live = Path.Combine(_folder.Path, "store", "1");
        using (var log = new FileStream(Path.Combine(live, "AOF", "aof.log.0"), FileMode.Open, FileAccess.ReadWrite))
        {
            log.Position = 20_000;
            log.Write(Enumerable.Repeat((byte)0x7F, 30_000).ToArray());
        }

        var (code, _, errors) = await PortalProcess.FailAsync(settings);
        code.ShouldBe(1);
        errors.ShouldContain(live);
        errors.ShouldContain("--repair-store");
        errors.ShouldNotContain("   at ");

        var (repaired, report) = await portal.CommandAsync("--repair-store");
        repaired.ShouldBe(0, report);
        report.ShouldContain("Unreadable: " + Path.Combine(live, "AOF", "aof.log.0") + " at byte ");
        report.ShouldContain(live + ".damaged");

        using var again = await PortalProcess.StartAsync(settings);
        var found = 0;
        for (var i = 0; i < 400; i++)
            found += (await ReadStatusAsync(again, $"verification-{i}")).Contains("OTP not verified", StringComparison.Ordinal) ? 1 : 0;
        found.ShouldBeInRange(380, 399);
    }

    // Simulates a full disk without the privileges that a small file system needs.
    private static async Task LimitFileSizeAsync(PortalProcess portal, string limit)
    {
        using var prlimit = Process.Start("prlimit", ["--pid", $"{portal.Id}", $"--fsize={limit}:"]);
        await prlimit.WaitForExitAsync();
        prlimit.ExitCode.ShouldBe(0);
    }

    private static List<int> FlagsOfOpenFiles(PortalProcess portal, string name)
    {
        var found = new List<int>();
        foreach (var link in new DirectoryInfo($"/proc/{portal.Id}/fd").EnumerateFileSystemInfos())
        {
            try
            {
                if (Path.GetFileName(link.LinkTarget) != name) continue;
                var lines = File.ReadAllLines($"/proc/{portal.Id}/fdinfo/{link.Name}");
                found.Add(Convert.ToInt32(lines.Single(line => line.StartsWith("flags:", StringComparison.Ordinal))[6..].Trim(), 8));
            }
            catch (IOException)
            {
                // The process has closed the file.
            }
        }
        return found;
    }

    private async Task<HttpStatusCode> PutAsync(PortalProcess portal, string id)
    {
        using var request = Request(HttpMethod.Put, portal, $"/api/otp/{id}");
        request.Content = new FormUrlEncodedContent(
            [new("provider", "mailbox"), new("to", $"{id}@example.com"), new("extra", $"{{\"filler\":\"{new string('x', 4000)}\"}}")]);
        using var answer = await _http.SendAsync(request);
        return answer.StatusCode;
    }

    private async Task<string> ReadStatusAsync(PortalProcess portal, string id)
    {
        using var request = Request(HttpMethod.Post, portal, $"/api/otp/{id}/status");
        using var answer = await _http.SendAsync(request);
        return await answer.Content.ReadAsStringAsync();
    }

    private async Task<HttpStatusCode> StatusOfAsync(PortalProcess portal, string path)
    {
        using var answer = await _http.GetAsync(new Uri(portal.Address, path));
        return answer.StatusCode;
    }

    private static HttpRequestMessage Request(HttpMethod method, PortalProcess portal, string path) =>
        new(method, new Uri(portal.Address, path))
        {
            Headers =
            {
                Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(Credentials))),
            },
        };
}
