using StackExchange.Redis;

namespace OtpPortal.Bench;

/// <summary>The least that any endpoint over this Redis client can do: one GET and one EXPIRE, in one round trip.</summary>
internal static class Bare
{
    public static async Task<int> RunAsync(string port, string redis)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        await using var app = builder.Build();
        using var connection = await ConnectionMultiplexer.ConnectAsync(redis + ",defaultDatabase=5");
        connection.PreserveAsyncOrder = false;
        var database = connection.GetDatabase(5);
        await database.StringSetAsync("bare", "ann@example.com");
        var life = TimeSpan.FromDays(7);
        app.MapGet("/", async () =>
        {
            var value = database.StringGetAsync("bare");
            var expire = database.KeyExpireAsync("bare", life);
            await expire;
            return Results.Json(new { email = (string?)await value });
        });
        await app.RunAsync();
        return 0;
    }
}
