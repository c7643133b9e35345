using System.Text.RegularExpressions;
using OtpPortal.Histories.Stores;
using OtpPortal.Tests.Client;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Histories;

/// <summary>The stores that histories are recorded on: they start, and survive the faults of their first node.</summary>
public sealed partial class StoreKindTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData("redis", "^redis://127.0.0.1:[0-9]+/0 redis://127.0.0.1:[0-9]+/1$", "PONG")]
    [InlineData("cluster", "^(redis://(127.0.0.1:[0-9]+,){5}127.0.0.1:[0-9]+/0) \\1$", "cluster_state:ok")]
    [InlineData("sentinel", "^redis\\+sentinel://(127.0.0.1:[0-9]+,){2}127.0.0.1:[0-9]+/portal/0 redis\\+sentinel:.*/1$", "OK 3 usable")]
    public async Task A_store_starts_and_survives_the_faults_of_its_first_node(string kind, string urls, string state)
    {
        await using var store = StoreKind.Create(kind, _folder.Path);
        await store.StartAsync();

        var (otp, auth) = store.UrlsOf(0);
        Regex.IsMatch($"{otp} {auth}", urls, RegexOptions.None, TimeSpan.FromSeconds(1)).ShouldBeTrue($"{otp} {auth}");
        var target = store.Faults[0].Target;
        var faults = store.Faults.Where(fault => fault.Target == target).ToList();
        faults.Select(fault => fault.Name).ShouldBe(["kill", "restart", "pause"]);
        foreach (var fault in faults)
        {
            await fault.Begin();
            await fault.End();
        }

        var port = Port().Match(otp).Value;
        string[] question = kind switch
        {
            "cluster" => ["CLUSTER", "INFO"],
            "sentinel" => ["SENTINEL", "CKQUORUM", "portal"],
            _ => ["PING"],
        };
        await Eventually.BeTrueAsync(async () =>
        {
            var (_, answer, errors) = await ExampleProgram.RunAsync(ExampleProgram.Start("redis-cli", ["-p", port, .. question]), "");
            return (answer + errors).Contains(state, StringComparison.Ordinal);
        });
    }

    [Theory]
    [InlineData("stall")]
    [InlineData("mute")]
    [InlineData("refuse")]
    public async Task A_link_can_be_cut_and_healed(string name)
    {
        await using var store = StoreKind.Create("redis", _folder.Path);
        await store.StartAsync();
        var cut = store.Faults.First(fault => fault.Name == name);
        var ports = Enumerable.Range(0, 2).Select(replica => Port().Match(store.UrlsOf(replica).Otp).Value).ToList();
        (await AnswersAsync(ports[0])).ShouldBeTrue();

        await cut.Begin();
        (await AnswersAsync(ports[0])).ShouldBeFalse();
        (await AnswersAsync(ports[1])).ShouldBeTrue();

        await cut.End();
        (await AnswersAsync(ports[0])).ShouldBeTrue();
    }

    public void Dispose() => _folder.Dispose();

    private static async Task<bool> AnswersAsync(string port)
    {
        var start = ExampleProgram.Start("timeout", "1", "redis-cli", "-p", port, "PING");
        return (await ExampleProgram.RunAsync(start, "")).Output == "PONG\n";
    }

    [GeneratedRegex("(?<=:)[0-9]+", RegexOptions.None, 1000)]
    private static partial Regex Port();
}
