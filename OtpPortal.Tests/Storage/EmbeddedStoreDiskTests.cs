using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Storage;

/// <summary>The portal on its embedded store, on a disk that cannot be written to.</summary>
public sealed class EmbeddedStoreDiskTests : IDisposable
{
    private const string Credentials = "App:a-secret-of-the-namespace";

    private readonly TemporaryFolder _folder = new();
    private readonly HttpClient _http = new();

    public void Dispose()
    {
        _http.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_full_disk_stops_writes_loses_nothing_and_needs_no_restart_when_there_is_room_again()
    {
        // A limit on the size of files stands for the end of the disk: unlike a small file system it needs no privileges.
        using var portal = await PortalProcess.StartAsync(
            ["prlimit", "--fsize=1500000:unlimited", "env", "--ignore-signal=XFSZ"],
            // The runtime itself would create a large file for W^X.
            ("DOTNET_EnableWriteXorExecute", "0"), ("REDIS_URL_OTP", ""), ("REDIS_URL_AUTH", ""), ("DATA_DIR", _folder.Path),
            ("NAMESPACES", Credentials));
        var acknowledged = new List<string>();
        HttpStatusCode status;
        do
        {
            var id = $"verification-{acknowledged.Count}";
            status = await PutAsync(portal, id);
            if (status == HttpStatusCode.OK) acknowledged.Add(id);
            acknowledged.Count.ShouldBeLessThan(2000, "the limit does not work");
        }
        while (status == HttpStatusCode.OK);

        status.ShouldBe(HttpStatusCode.ServiceUnavailable);
        await Eventually.BeTrueAsync(async () => await PutAsync(portal, "one-more") == HttpStatusCode.ServiceUnavailable
            && await StatusOfAsync(portal, "/readyz") == HttpStatusCode.ServiceUnavailable);
        (await StatusOfAsync(portal, "/healthz")).ShouldBe(HttpStatusCode.OK);
        portal.Log.ShouldContain("The embedded store cannot write to " + Path.Combine(_folder.Path, "store", "1"));
        portal.Log.ShouldNotContain("   at ");

        using (var lift = Process.Start("prlimit", ["--pid", portal.Id.ToString(CultureInfo.InvariantCulture), "--fsize=unlimited"]))
            await lift.WaitForExitAsync();

        await Eventually.BeTrueAsync(async () => await StatusOfAsync(portal, "/readyz") == HttpStatusCode.OK, () => portal.Log);
        await Eventually.BeTrueAsync(async () => await PutAsync(portal, "after-it") == HttpStatusCode.OK);
        foreach (var id in acknowledged) (await ReadStatusAsync(portal, id)).ShouldContain("OTP not verified", customMessage: id);
    }

    [Fact]
    public async Task A_store_that_cannot_be_written_to_stops_the_start_with_one_line_that_names_it()
    {
        using (await PortalProcess.StartAsync(("REDIS_URL_OTP", ""), ("REDIS_URL_AUTH", ""), ("DATA_DIR", _folder.Path))) { }

        // Its own mount namespace, so that the directory is read-only for root too.
        var (code, _, errors) = await PortalProcess.FailAsync(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
                """mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@" """.Trim(), _folder.Path],
            ("REDIS_URL_OTP", ""), ("REDIS_URL_AUTH", ""), ("DATA_DIR", _folder.Path));

        code.ShouldBe(1);
        errors.ShouldContain($"DATA_DIR ({_folder.Path}) must be a directory that this process can write to.");
        errors.ShouldNotContain("   at ");
    }

    [Fact]
    public async Task A_damaged_store_stops_the_start_and_the_repair_command_recovers_it()
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
