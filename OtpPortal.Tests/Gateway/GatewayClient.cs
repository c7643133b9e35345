using System.Text;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Gateway;

/// <summary>A portal with two namespaces.</summary>
public sealed class GatewayPortal : IAsyncLifetime
{
    public PortalHost Host { get; private set; } = null!;

    public async Task InitializeAsync() => Host = await PortalHost.StartAsync(("NAMESPACES", "MyApp:secret,Other:secret2:with:colons"));

    public async Task DisposeAsync() => await Host.DisposeAsync();

    internal GatewayClient App => new(Host, "MyApp", "secret");

    internal GatewayClient OtherApp => new(Host, "Other", "secret2:with:colons");
}

/// <summary>A client of the gateway API that sends the same requests as a client of otpgateway.</summary>
internal sealed class GatewayClient(PortalHost portal, string name, string secret)
{
    private readonly BrowserClient _program = portal.NewApiClient();

    public static string NewId() => "user-" + Guid.NewGuid().ToString("N");

    public static string Basic(string pair) => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(pair));

    public Task<Answer> PutAsync(string id, params (string Name, string Value)[] fields) =>
        SendAsync(HttpMethod.Put, "/api/otp/" + id, fields);

    public Task<Answer> CheckAsync(string id, string code, params (string Name, string Value)[] fields) =>
        SendAsync(HttpMethod.Post, "/api/otp/" + id, [("action", "check"), ("otp", code), .. fields]);

    public Task<Answer> StatusAsync(string id) => SendAsync(HttpMethod.Post, $"/api/otp/{id}/status", []);

    public Task<Answer> DeleteAsync(string id) => SendAsync(HttpMethod.Delete, $"/api/otp/{id}/status", null);

    public Task<Answer> SendAsync(HttpMethod method, string path, (string Name, string Value)[]? fields) =>
        _program.SendAsync(
            method, path, fields is null
                ? null : new FormUrlEncodedContent(fields.Select(field => KeyValuePair.Create(field.Name, field.Value))),
                ("Authorization", Basic($"{name}:{secret}")));

    /// <summary>Starts a verification by email and returns its id and code.</summary>
    public async Task<(string Id, string Code)> BeginAsync(params (string Name, string Value)[] fields)
    {
        var id = NewId();
        var answer = await PutAsync(id, [("provider", "mailbox"), ("to", TestUser.New()), .. fields]);
        answer.Status.ShouldBe(200, answer.Body);
        return (id, answer.Json.GetProperty("data").GetProperty("otp").GetString()!);
    }

    public static string WrongCode(string code) => code[..^1] + (char)('0' + ((code[^1] - '0' + 1) % 10));
}
