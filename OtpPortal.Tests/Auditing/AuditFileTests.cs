using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Auditing;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Auditing;

/// <summary>AUDIT_FILE: one event per line.</summary>
public sealed class AuditFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string FilePath => Path.Combine(_folder.Path, "audit.jsonl");

    public void Dispose() => _folder.Dispose();

    private static void Write(PortalHost portal, params IEnumerable<string> outcomes)
    {
        var log = portal.Services.GetRequiredService<AuditLog>();
        foreach (var outcome in outcomes) log.WriteByAdmin(AuditEvent.Revoked, "ann@example.com", "192.0.2.1", outcome, "key");
    }

    private static IReadOnlyList<string> OutcomesIn(string path) => !File.Exists(path) ? [] :
    [
        .. File.ReadAllText(path).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("outcome").GetString()!),
    ];

    [Fact]
    public async Task Events_are_appended_in_order_to_a_file_of_the_owner_only()
    {
        var outcomes = Enumerable.Range(1, 1000).Select(i => $"e{i}").ToList();
        await using (var portal = await PortalHost.StartAsync(("AUDIT_FILE", FilePath))) Write(portal, outcomes);
        await using (var portal = await PortalHost.StartAsync(("AUDIT_FILE", FilePath))) Write(portal, "after a restart");

        // What is in memory is written when the portal stops.
        OutcomesIn(FilePath).ShouldBe([.. outcomes, "after a restart"]);
        File.GetUnixFileMode(FilePath).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var fields = JsonDocument.Parse(File.ReadLines(FilePath).First()).RootElement.EnumerateObject().Select(field => field.Name);
        fields.ShouldBe(["id", "time", "event", "address", "ip", "outcome", "by"]);
        (await File.ReadAllTextAsync(FilePath)).ShouldNotContain("ann@example.com");
    }

    [Fact]
    public async Task A_file_that_was_moved_away_is_created_again()
    {
        await using var portal = await PortalHost.StartAsync(("AUDIT_FILE", FilePath));
        Write(portal, "one");
        await Eventually.BeTrueAsync(() => OutcomesIn(FilePath).Count == 1);

        File.Move(FilePath, FilePath + ".1");
        Write(portal, "two");
        await Eventually.BeTrueAsync(() => OutcomesIn(FilePath).Count == 1);

        OutcomesIn(FilePath + ".1").ShouldBe(["one"]);
        OutcomesIn(FilePath).ShouldBe(["two"]);
        File.GetUnixFileMode(FilePath).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Fact]
    public async Task A_full_disk_does_not_stop_sign_ins_and_is_logged()
    {
        await using var portal = await PortalHost.StartAsync(("AUDIT_FILE", "/dev/full"));

        await portal.SignInAsync(TestUser.New());

        await Eventually.BeTrueAsync(() => portal.Log.Text.Contains("Lost 1 audit events of file", StringComparison.Ordinal));
        portal.Log.Text.ShouldContain("Could not write AUDIT_FILE: No space left on device");
        var log = portal.Services.GetRequiredService<AuditLog>();
        await Eventually.BeTrueAsync(async () => (await log.ReadAsync(0, 1, AuditFilter.All)).Total == 1);
    }
}
