using System.Diagnostics;
using System.Globalization;
using OtpPortal.Tests.Infrastructure;
using Xunit.Abstractions;

namespace OtpPortal.Tests.Storage;

/// <summary>
/// Tests that acknowledged writes survive kills of the portal at random moments under load, and that it restarts
/// every time. <c>bench/kills.sh</c> runs a thousand kills.
/// </summary>
public sealed class EmbeddedStoreKillTests(ITestOutputHelper output)
{
    private const int Clients = 6;

    [Fact]
    public async Task Acknowledged_writes_survive_kills_at_random_moments()
    {
        using var folder = new TemporaryFolder();
        using var load = new KillLoad();
        var kills = int.Parse(Environment.GetEnvironmentVariable("OTPPORTAL_KILLS") ?? "30", CultureInfo.InvariantCulture);
        // A fixed seed, so that a run is repeatable apart from operating system timing.
        var random = new Random(20261122);
        var starts = new List<TimeSpan>();
        for (var kill = 1; kill <= kills + 1; kill++)
        {
            await SaveCopyAsync(folder);
            var start = Stopwatch.GetTimestamp();
            using var portal = await StartAsync(folder);
            starts.Add(Stopwatch.GetElapsedTime(start));
            (await load.FindLossesAsync(portal.Address)).ShouldBeEmpty($"after kill {kill - 1}: {portal.Log}");
            if (kill > kills) break;

            var running = load.RunAsync(portal.Address, Clients);
            var until = load.Acknowledged + random.Next(1, 60);
            await Eventually.BeTrueAsync(() => load.Acknowledged >= until);
            portal.Kill();
            await running;
            if (kill % 100 == 0) output.WriteLine(Summary(kill));
        }
        output.WriteLine(Summary(kills));
        load.Live.ShouldBeGreaterThan(0);
        load.Ended.ShouldBeGreaterThan(0);

        string Summary(int kill) => string.Create(
            CultureInfo.InvariantCulture,
            $"{kill} kills: {load.Acknowledged} acknowledged, {load.Live} sessions live, {load.Ended} ended, starts "
                + $"{starts.Min().TotalSeconds:0.0} to {starts.Max().TotalSeconds:0.0} s");
    }

    [Fact]
    public async Task Acknowledged_writes_survive_a_shutdown_under_load()
    {
        using var folder = new TemporaryFolder();
        using var load = new KillLoad();
        for (var round = 1; round <= 4; round++)
        {
            using var portal = await StartAsync(folder);
            (await load.FindLossesAsync(portal.Address)).ShouldBeEmpty();
            var running = load.RunAsync(portal.Address, Clients);
            var until = load.Acknowledged + 20;
            await Eventually.BeTrueAsync(() => load.Acknowledged >= until);
            (await portal.TerminateAsync()).ShouldBe(0);
            await running;
        }
        load.Live.ShouldBeGreaterThan(0);
    }

    // OTPPORTAL_KILLS_KEEP names a directory that receives a copy of the store after each kill, for debugging.
    private static async Task SaveCopyAsync(TemporaryFolder folder)
    {
        if (Environment.GetEnvironmentVariable("OTPPORTAL_KILLS_KEEP") is not { Length: > 0 } directory) return;
        if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        using var copy = Process.Start("cp", ["-r", folder.Path, directory]);
        await copy.WaitForExitAsync();
    }

    private static Task<PortalProcess> StartAsync(TemporaryFolder folder) => PortalProcess.StartAsync(
        ("REDIS_URL_OTP", ""), ("REDIS_URL_AUTH", ""), ("DATA_DIR", folder.Path), ("LIMIT_SENDS_PER_IP", "1000000/900"),
        // The administrator and the clients share one IP address.
        ("LIMIT_SECRET_FAILURES_PER_IP", "1000000/300"));
}
