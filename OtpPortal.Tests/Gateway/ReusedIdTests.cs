using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using OtpPortal.Storage.Embedded;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Gateway;

/// <summary>
/// Tests the reuse of an id for another address while other requests change it. A code that was sent to one
/// address must never verify another address.
/// </summary>
public abstract class ReusedIdTests : IAsyncLifetime
{
    private const int Rounds = 1000;

    private static readonly (string Name, string Value)[] s_settings =
        [("NAMESPACES", "MyApp:secret"), ("OTP_RESEND_COOLDOWN", "0"), ("LIMIT_SENDS_PER_IP", "100000/900")];

    private PortalHost _one = null!;
    private PortalHost _two = null!;
    private GatewayClient _app = null!;
    private GatewayClient _other = null!;

    public async Task InitializeAsync()
    {
        _one = await PortalHost.StartAsync([.. s_settings, .. Store()]);
        // The embedded store cannot be shared between processes.
        _two = HasReplicas ? await _one.StartReplicaAsync() : _one;
        (_app, _other) = (new GatewayClient(_one, "MyApp", "secret"), new GatewayClient(_two, "MyApp", "secret"));
    }

    public virtual async Task DisposeAsync()
    {
        if (HasReplicas) await _two.DisposeAsync();
        await _one.DisposeAsync();
    }

    private protected abstract IEnumerable<(string Name, string Value)> Store();

    private protected abstract bool HasReplicas { get; }

    private static string Text(Answer answer, string name) => answer.Json.GetProperty("data").GetProperty(name).GetString()!;

    private static Task<Answer> BeginAsync(GatewayClient client, string id, string to) =>
        client.PutAsync(id, ("provider", "mailbox"), ("to", to), ("max_generate", "20"), ("max_attempts", "20"));

    private static Task RepeatAsync(Func<int, Task> round) =>
        Parallel.ForAsync(0, Rounds, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) => await round(i));

    [Fact]
    public async Task A_code_submitted_during_a_PUT_verifies_only_the_address_it_was_sent_to()
    {
        var (own, refused) = (0, 0);
        await RepeatAsync(async i =>
        {
            var (id, attacker, victim) = (GatewayClient.NewId(), TestUser.New(), TestUser.New());
            var code = Text(await BeginAsync(_app, id, attacker), "otp");

            var put = Task.Run(() => BeginAsync(i % 2 == 0 ? _app : _other, id, victim));
            // Forces both orders to occur, even where one request is always faster.
            if (i % 16 == 0) await put;
            var check = await Task.Run(() => (i % 3 == 0 ? _app : _other).CheckAsync(id, code, ("skip_delete", "true")));
            var replaced = await put;

            replaced.Status.ShouldBe(200, replaced.Body);
            // Both random codes are equal once in a million.
            if (Text(replaced, "otp") == code) return;
            if (check.Status == 200) Text(check, "to").ShouldBe(attacker);
            var status = await _app.StatusAsync(id);
            if (status.Status == 200) Text(status, "to").ShouldBe(attacker);
            Interlocked.Increment(ref check.Status == 200 ? ref own : ref refused);
        });

        own.ShouldBeGreaterThan(0, "some codes come before the PUT");
        refused.ShouldBeGreaterThan(0, "some come after it");
    }

    [Fact]
    public async Task A_resend_during_a_PUT_adds_no_code_to_the_new_verification()
    {
        await RepeatAsync(async i =>
        {
            var (id, attacker, victim) = (GatewayClient.NewId(), TestUser.New(), TestUser.New());
            var code = Text(await BeginAsync(_app, id, attacker), "otp");

            var put = Task.Run(() => BeginAsync(i % 2 == 0 ? _app : _other, id, victim));
            var resend = Task.Run(() => (i % 3 == 0 ? _one : _two).NewApiClient().PostAsync("/otp/MyApp/" + id, ("action", "resend")));
            await Task.WhenAll(put, resend);

            (await put).Status.ShouldBe(200);
            if (Text(await put, "otp") == code) return;
            (await _other.CheckAsync(id, code, ("skip_delete", "true"))).Status.ShouldBe(400);
        });
    }

    [Fact]
    public async Task Only_the_later_of_two_PUTs_has_a_valid_code_for_its_own_address()
    {
        await RepeatAsync(async i =>
        {
            var id = GatewayClient.NewId();
            // Alternates between a new id and an existing one.
            if (i % 2 == 0) await BeginAsync(_app, id, TestUser.New());

            var puts = await Task.WhenAll(
                Task.Run(() => BeginAsync(_app, id, TestUser.New())), Task.Run(() => BeginAsync(_other, id, TestUser.New())));

            var later = puts.MaxBy(put => put.Json.GetProperty("data").GetProperty("generate").GetInt32())!;
            var earlier = puts.Single(put => put != later);
            later.Json.GetProperty("data").GetProperty("generate").GetInt32().ShouldBe(i % 2 == 0 ? 3 : 2, "each PUT counts");
            if (Text(later, "otp") == Text(earlier, "otp")) return;
            (await _app.CheckAsync(id, Text(earlier, "otp"))).Status.ShouldBe(400);
            var check = await _other.CheckAsync(id, Text(later, "otp"));
            check.Status.ShouldBe(200, check.Body);
            Text(check, "to").ShouldBe(Text(later, "to"));
        });
    }
}

public sealed class ReusedIdOnRedisTests : ReusedIdTests
{
    private protected override IEnumerable<(string Name, string Value)> Store() => [];

    private protected override bool HasReplicas => true;
}

public sealed class ReusedIdEmbeddedTests : ReusedIdTests
{
    private readonly TemporaryFolder _folder = new();
    private EmbeddedStore? _store;

    private protected override bool HasReplicas => false;

    private protected override IEnumerable<(string Name, string Value)> Store()
    {
        _store = EmbeddedStore.Start(_folder.Path, NullLogger.Instance);
        var (port, password) = (_store.EndPoint.Port, Uri.EscapeDataString(_store.Password));
        return
        [
            ("REDIS_URL_OTP", string.Create(CultureInfo.InvariantCulture, $"redis://:{password}@127.0.0.1:{port}/0")),
            ("REDIS_URL_AUTH", string.Create(CultureInfo.InvariantCulture, $"redis://:{password}@127.0.0.1:{port}/1")),
        ];
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        _store?.Dispose();
        _folder.Dispose();
    }
}
