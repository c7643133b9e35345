using System.Net.Http.Json;
using System.Text.Json;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.MagicLinks;

/// <summary>A portal with an administrator service account.</summary>
public sealed class V2Portal : IAsyncLifetime
{
    public const string AdminId = "2f7a1f60-6b1c-4b6e-9b5f-0f6a3c1d2e4b";
    public const string AdminKey = "8c0f4c4e-7f0f-4c35-9a77-3f9f0f8f7d11";
    public const string AdminAudience = "ad9e9d84-92ea-4f07-bac9-5d898d59c83b";

    public static readonly (string Name, string Value) Setting = ("V2_ADMIN_ACCOUNT", $"{AdminId}:{AdminKey}:{AdminAudience}");

    public PortalHost Host { get; private set; } = null!;

    public async Task InitializeAsync() => Host = await PortalHost.StartAsync(Setting);

    public async Task DisposeAsync() => await Host.DisposeAsync();

    internal V2Client Admin => new(Host, AdminKey);

    /// <summary>Creates a new service account.</summary>
    internal Task<V2Client> NewAccountAsync(params string[] redirectHosts) => Admin.NewAccountAsync(redirectHosts);
}

/// <summary>A client of the v2 API that sends the same requests as a client of magiclinksdev.</summary>
internal sealed class V2Client(PortalHost portal, string? key, string audience = "")
{
    private readonly BrowserClient _program = portal.NewApiClient();

    public string Key => key!;

    public string Audience => audience;

    public Task<Answer> PostAsync(string operation, object body) => SendAsync(operation, JsonContent.Create(body));

    public Task<Answer> SendAsync(string operation, HttpContent? content) =>
        _program.SendAsync(HttpMethod.Post, "/api/v2/" + operation, content, key is null ? [] : [("X-API-KEY", key)]);

    public async Task<V2Client> NewAccountAsync(params string[] redirectHosts)
    {
        var answer = await PostAsync("admin/service-account/create", new { serviceAccountCreateParams = new { redirectHosts } });
        answer.Status.ShouldBe(201, answer.Body);
        var account = answer.Json.GetProperty("serviceAccountCreateResults").GetProperty("serviceAccount");
        return new V2Client(portal, account.GetProperty("apiKey").GetString()!, account.GetProperty("aud").GetString()!);
    }

    public async Task<(string Id, string Otp)> NewOtpAsync(object? parameters = null)
    {
        var answer = await PostAsync("otp/create", new { otpCreateParams = parameters ?? new { charSetNumeric = true } });
        answer.Status.ShouldBe(201, answer.Body);
        var results = answer.Json.GetProperty("otpCreateResults");
        return (results.GetProperty("id").GetString()!, results.GetProperty("otp").GetString()!);
    }

    public Task<Answer> ValidateAsync(string id, string otp) => PostAsync("otp/validate", new { otpValidateParams = new { id, otp } });

    public async Task<string> NewJwtAsync(object parameters)
    {
        var answer = await PostAsync("jwt/create", new { jwtCreateParams = parameters });
        answer.Status.ShouldBe(201, answer.Body);
        return answer.Json.GetProperty("jwtCreateResults").GetProperty("jwt").GetString()!;
    }

    public Task<Answer> ValidateJwtAsync(string jwt) => PostAsync("jwt/validate", new { jwtValidateParams = new { jwt } });

    public async Task<(string Link, string Secret)> NewLinkAsync(object parameters)
    {
        var answer = await PostAsync("magic-link/create", new { magicLinkCreateParams = parameters });
        answer.Status.ShouldBe(201, answer.Body);
        var results = answer.Json.GetProperty("magicLinkCreateResults");
        return (results.GetProperty("magicLink").GetString()!, results.GetProperty("secret").GetString()!);
    }

    public static JsonElement Part(string jwt, int number) =>
        JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(jwt.Split('.')[number])).RootElement;
}
