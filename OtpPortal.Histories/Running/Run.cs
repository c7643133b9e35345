using System.Globalization;
using System.Security.Cryptography;
using OtpPortal.Histories.Recording;
using OtpPortal.Histories.Stores;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Histories.Running;

/// <summary>Runs clients and the nemesis against portals on one kind of store, and records the history.</summary>
internal sealed class Run(RunArguments arguments)
{
    private const int Clients = 6;

    /// <summary>Runs for the duration, ends all faults, and checks every session once more.</summary>
    public async Task<History> RecordAsync()
    {
        var folder = Directory.CreateDirectory(arguments.Folder).FullName;
        await using var store = StoreKind.Create(arguments.Kind, folder);
        var settings = new RunSettings
        {
            Kind = arguments.Kind,
            Seed = arguments.Seed,
            Duration = arguments.Duration,
            IdleLifetime = arguments.IdleLifetime,
            LosesWritesOnFailover = store.LosesWritesOnFailover,
        };
        await store.StartAsync();
        using var recorder = new Recorder(settings, arguments.HistoryPath);
        await using var mail = await MailServer.StartAsync(recorder);
        var key = RandomNumberGenerator.GetHexString(32);
        var portals = Enumerable.Range(0, store.Replicas)
            .Select(i => Portal.Create(i, folder, arguments, settings, Settings(store, i))).ToList();
        try
        {
            await Task.WhenAll(portals.Select(portal => portal.Process.StartAsync()));
            await RecordAsync(settings, recorder, mail, key, portals, store);
        }
        finally
        {
            foreach (var portal in portals) portal.Process.Dispose();
        }
        return recorder.ToHistory();

        IEnumerable<(string, string)> Settings(StoreKind kind, int i)
        {
            var (otp, auth) = kind.UrlsOf(i);
            return [("REDIS_URL_OTP", otp), ("REDIS_URL_AUTH", auth), ("POSTMARK_API_URL", mail.Url), ("AUTH_SECRET_KEY", key)];
        }
    }

    private async Task RecordAsync(
        RunSettings settings, Recorder recorder, MailServer mail, string key, List<Portal> portals, StoreKind store)
    {
        var replicas = portals.ConvertAll(portal => portal.Replica);
        var apis = Enumerable.Range(0, Clients).Select(i => new PortalApi(recorder, key, i)).ToList();
        var clients = apis.Select((api, i) =>
        {
            var random = new Random(HashCode(arguments.Seed, i));
            return new Client(api, new SignIns(api, mail, replicas, random, i), replicas, recorder, random, settings);
        }).ToList();
        var faults = portals.SelectMany(portal => portal.Process.Faults()).Concat(store.Faults)
            .Where(fault => arguments.Faults.Count == 0 || arguments.Faults.Contains(fault.Name, StringComparer.Ordinal)).ToList();
        if (faults.Count == 0) throw new ArgumentException($"The kind {arguments.Kind} has none of these faults.");
        var nemesis = new Nemesis(faults, recorder, arguments.Seed, arguments.Pace);

        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(arguments.Duration));
        var running = clients.ConvertAll(client => Task.Run(() => client.RunAsync(stop.Token)));
        using var end = new CancellationTokenSource();
        var watching = Task.Run(() => store.WatchAsync(recorder, end.Token));
        await nemesis.RunAsync(stop.Token);
        await Task.WhenAll(running);
        await Task.WhenAll(clients.Select(client => Task.Run(client.FinishAsync)));
        await end.CancelAsync();
        await watching;
        foreach (var api in apis) api.Dispose();
    }

    // System.HashCode differs between processes.
    private static int HashCode(int seed, int client) => unchecked((seed * 1_000_003) + (client * 7919));

    private sealed record Portal(Replica Replica, ChildProcess Process)
    {
        public static Portal Create(
            int index, string folder, RunArguments arguments, RunSettings settings, IEnumerable<(string Name, string Value)> more)
        {
            var port = FreePort.Next();
            var name = ((char)('a' + index)).ToString();
            var address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
            var data = Directory.CreateDirectory(Path.Combine(folder, "data-" + name)).FullName;
            var environment = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["ASPNETCORE_ENVIRONMENT"] = "Production",
                ["PORT"] = Text(port),
                ["BIND_ADDRESS"] = "127.0.0.1",
                ["PUBLIC_URL"] = address.GetLeftPart(UriPartial.Authority),
                ["DATA_DIR"] = data,
                ["MAIL_TRANSPORT"] = "postmark",
                ["POSTMARK_SERVER_TOKEN"] = "history",
                ["NEW_DEVICE_MAIL"] = "false",
                ["AUTH_TOKEN_ROTATE_AFTER"] = Text(settings.RotateAfter),
                ["AUTH_TOKEN_GRACE"] = Text(settings.Grace),
                ["AUTH_TOKEN_EXPIRY"] = Text(settings.IdleLifetime),
                ["OTP_CODE_EXPIRY"] = Text(settings.CodeLifetime),
                ["OTP_MAX_ATTEMPTS"] = Text(settings.MaxAttempts),
                ["LIMIT_SENDS_PER_ADDRESS"] = "1000000/900",
                ["LIMIT_SENDS_PER_IP"] = "1000000/900",
                ["LIMIT_FAILURES_PER_ADDRESS"] = "1000000/86400",
                ["LIMIT_SECRET_FAILURES_PER_IP"] = "1000000/300",
            };
            foreach (var (setting, value) in more) environment[setting] = value;
            var process = new ChildProcess(
                "portal " + name, folder, ["dotnet", arguments.PortalPath], environment, () => RespondsAsync(address));
            return new Portal(new Replica(name, address), process);
        }

        private static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);

        private static async Task<bool> RespondsAsync(Uri address)
        {
            using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
            try
            {
                using var answer = await http.GetAsync(new Uri(address, "/healthz"));
                return answer.IsSuccessStatusCode;
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                return false;
            }
        }
    }
}
