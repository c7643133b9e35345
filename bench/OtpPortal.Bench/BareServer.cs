using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Bench;

/// <summary>What the bare endpoints stand on: a server with nothing in it, and the portal's Redis client.</summary>
internal static class BareServer
{
    public static WebApplication Build(string port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        return builder.Build();
    }

    /// <summary>To a database that the portal does not use.</summary>
    public static async Task<ConnectionMultiplexer> ConnectAsync(string redis)
    {
        var connection = await ConnectionMultiplexer.ConnectAsync(redis + ",defaultDatabase=5");
        return connection.WithPooledContinuations();
    }
}
