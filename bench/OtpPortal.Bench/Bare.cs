namespace OtpPortal.Bench;

/// <summary>The minimal work of an endpoint with this Redis client: one GET and one EXPIRE, in one round trip.</summary>
internal static class Bare
{
    public static async Task<int> RunAsync(string port, string redis)
    {
        await using var app = BareServer.Build(port);
        using var connection = await BareServer.ConnectAsync(redis);
        var database = connection.GetDatabase();
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
