using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using OtpPortal.Storage.Embedded;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>A store for one portal of the tests, selected with TEST_REDIS, instead of two databases of the shared server.</summary>
/// <param name="OtpUrl">The value of REDIS_URL_OTP.</param>
/// <param name="AuthUrl">The value of REDIS_URL_AUTH.</param>
/// <param name="Servers">The servers in the client's notation.</param>
/// <param name="Databases">The databases that the portal uses.</param>
internal sealed record OwnStore(string OtpUrl, string AuthUrl, string Servers, int[] Databases, Func<ValueTask> Close) : IAsyncDisposable
{
    /// <summary>Whether TEST_REDIS selects another kind of store than the shared server.</summary>
    public static bool IsSelected => Kind is "cluster" or "embedded";

    private static string? Kind => Environment.GetEnvironmentVariable("TEST_REDIS");

    /// <summary>Opens an empty store of the selected kind.</summary>
    public static async Task<OwnStore> OpenAsync()
    {
        if (Kind == "embedded") return OpenEmbedded();
        var cluster = await RedisCluster.TakeAsync();
        return new OwnStore(
            cluster.Url, cluster.Url, cluster.Url["redis://".Length..], [0], async () => await cluster.ReturnAsync());
    }

    public ValueTask DisposeAsync() => Close();

    private static OwnStore OpenEmbedded()
    {
        var folder = new TemporaryFolder();
        var store = EmbeddedStore.Start(folder.Path, NullLogger.Instance);
        var server = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{store.EndPoint.Port}");
        var url = $"redis://:{Uri.EscapeDataString(store.Password)}@{server}/";
        return new OwnStore(url + "0", url + "1", $"{server},password={store.Password}", [0, 1], () =>
        {
            store.Dispose();
            folder.Dispose();
            return ValueTask.CompletedTask;
        });
    }
}
