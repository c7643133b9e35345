using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Bench;

/// <summary>The host of the minimal endpoints: an empty server and the portal's Redis client.</summary>
internal static class BareServer
{
    public static WebApplication Build(string port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        return builder.Build();
    }

    /// <summary>Connects to a database that the portal does not use.</summary>
    public static async Task<ConnectionMultiplexer> ConnectAsync(string redis)
    {
        var connection = await ConnectionMultiplexer.ConnectAsync(redis + ",defaultDatabase=5");
        return connection.WithPooledContinuations();
    }
}
