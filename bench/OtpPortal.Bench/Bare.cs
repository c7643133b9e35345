using StackExchange.Redis;

namespace OtpPortal.Bench;

/// <summary>The minimal work of an endpoint with this Redis client: one GETEX, and one GET for comparison.</summary>
internal static class Bare
{
    public static async Task<int> RunAsync(string port, string redis)
    {
        await using var app = BareServer.Build(port);
        using var connection = await BareServer.ConnectAsync(redis);
        var database = connection.GetDatabase();
        await database.StringSetAsync("bare", "ann@example.com");
        // This client version does not know GETEX, and sends SELECT before it. The GET shows what that costs.
        app.MapGet("/", async () =>
            Results.Json(new { email = (string?)(RedisValue)(await database.ExecuteAsync("GETEX", "bare", "EX", "604800")) }));
        app.MapGet("/get", async () => Results.Json(new { email = (string?)await database.StringGetAsync("bare") }));
        await app.RunAsync();
        return 0;
    }
}
