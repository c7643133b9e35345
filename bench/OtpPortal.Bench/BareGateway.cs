using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using StackExchange.Redis;

namespace OtpPortal.Bench;

/// <summary>The gateway's Redis commands, with minimal HTTP around them.</summary>
internal static class BareGateway
{
    private static readonly byte[] s_secret = SHA256.HashData("secret-of-the-bench"u8);

    public static async Task<int> RunAsync(string port, string redis, string hook)
    {
        await using var app = BareServer.Build(port);
        using var connection = await BareServer.ConnectAsync(redis);
        var database = connection.GetDatabase();
        using var http = new HttpClient();
        var life = TimeSpan.FromMinutes(15);
        for (var number = 0; number < 6000; number++) await database.StringSetAsync($"bench-{number}", NewRecord(s_secret), life);

        app.MapGet("/", () => "OK");
        app.MapPut("/api/otp", async (HttpContext context) =>
        {
            if (!IsKnown(context)) return Results.Unauthorized();
            var form = await context.Request.ReadFormAsync();
            var id = RandomNumberGenerator.GetHexString(32);
            await LimitAsync(database);
            if (form["to"].ToString() is { Length: > 0 } to) await CountAsync(database, "limit:" + to);
            await database.StringSetAsync(id, NewRecord(s_secret), life);
            if (form["to"].ToString().Length > 0)
            {
                using var response = await http.PostAsJsonAsync(hook, Data(id));
            }
            return Results.Json(new { status = "success", data = Data(id) });
        });
        app.MapPost("/api/otp/{id}", async (HttpContext context, string id) =>
        {
            if (!IsKnown(context)) return Results.Unauthorized();
            _ = await context.Request.ReadFormAsync();
            await LimitAsync(database);
            await ChangeAsync(database, id, await FindAsync(database, id), life);
            return Results.Json(new { status = "error", message = "Incorrect OTP", data = Data(id) }, statusCode: 400);
        });
        app.MapPost("/api/otp/{id}/status", async (HttpContext context, string id) =>
        {
            if (!IsKnown(context)) return Results.Unauthorized();
            await LimitAsync(database);
            await FindAsync(database, id);
            return Results.Json(new { status = "success", data = Data(id) });
        });
        await app.RunAsync();
        return 0;
    }

    private static object Data(string id) => new
    {
        @namespace = "Bench",
        id,
        to = "",
        channel_description = "",
        address_description = "",
        extra = new { },
        provider = "hook",
        otp = "123456",
        max_attempts = 20,
        attempts = 1,
        generate = 1,
        max_generate = 3,
        closed = false,
        ttl = 300,
        url = "http://127.0.0.1:3000/otp/Bench/" + id,
    };

    private static bool IsKnown(HttpContext context) =>
        AuthenticationHeaderValue.TryParse(context.Request.Headers.Authorization, out var header)
        && Encoding.UTF8.GetString(Convert.FromBase64String(header.Parameter ?? "")).Split(':', 2) is [_, var secret]
        && CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(secret)), s_secret);

    internal static Task LimitAsync(IDatabase database)
    {
        var peek = database.SortedSetLengthAsync("limit");
        var batch = database.CreateBatch();
        var quota = Task.WhenAll(
            batch.StringSetAsync("quota:2", 0, TimeSpan.FromMinutes(2), When.NotExists), batch.StringIncrementAsync("quota:2"),
            batch.StringGetAsync("quota:1"));
        batch.Execute();
        return Task.WhenAll(peek, quota);
    }

    // Counts the messages to one address.
    private static Task CountAsync(IDatabase database, string key) => Task.WhenAll(
        database.SortedSetRemoveRangeByScoreAsync(key, double.NegativeInfinity, 0),
        database.SortedSetAddAsync(key, "message", 1),
        database.SortedSetLengthAsync(key),
        database.KeyExpireAsync(key, TimeSpan.FromMinutes(15)),
        database.SortedSetRangeByRankWithScoresAsync(key, 0, 0));

    internal static Task<RedisValue> FindAsync(IDatabase database, string id) => database.StringGetAsync(id);

    internal static string NewRecord(ReadOnlySpan<byte> hash) =>
        new string('x', 500) + Convert.ToBase64String(hash) + RandomNumberGenerator.GetHexString(22);

    // Changes a record as the portal does: only if it has not changed since it was read.
    internal static Task ChangeAsync(IDatabase database, string id, RedisValue before, TimeSpan life)
    {
        var transaction = database.CreateTransaction();
        transaction.AddCondition(before.IsNull ? Condition.KeyNotExists(id) : Condition.StringEqual(id, before));
        _ = transaction.StringSetAsync(id, NewRecord(s_secret), life);
        return transaction.ExecuteAsync();
    }
}
