using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace OtpPortal.E2E.Infrastructure;

/// <summary>A portal with a gateway namespace and three sites, two of which are allowed to frame its pages.</summary>
public sealed class GatewayStage : Stage
{
    public GatewayStage()
    {
        Shop = new EmbeddingSite(FreePort.Next(), () => Portal.Url);
        Partner = new EmbeddingSite(FreePort.Next(), () => Portal.Url);
        Stranger = new EmbeddingSite(FreePort.Next(), () => Portal.Url);
    }

    public EmbeddingSite Shop { get; }

    /// <summary>Gets another site that is allowed to frame the pages.</summary>
    public EmbeddingSite Partner { get; }

    /// <summary>Gets a site that is not in EMBED_ORIGINS.</summary>
    public EmbeddingSite Stranger { get; }

    internal Backend Backend { get; private set; } = null!;

    protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["NAMESPACES"] = $"MyApp:{Backend.Secret}",
        ["EMBED_ORIGINS"] = $"{Shop.Origin},{Partner.Origin}",
        ["OTP_RESEND_COOLDOWN"] = "2",
    };

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        Backend = new Backend(Portal);
        foreach (var site in new[] { Shop, Partner, Stranger }) await site.StartAsync();
    }

    public override async Task DisposeAsync()
    {
        foreach (var site in new[] { Shop, Partner, Stranger }) await site.DisposeAsync();
        Backend?.Dispose();
        await base.DisposeAsync();
    }
}

/// <summary>The gateway fixture that its test classes share.</summary>
[CollectionDefinition(Name)]
public sealed class GatewayCollection : ICollectionFixture<GatewayStage>
{
    public const string Name = "the gateway";
}

/// <summary>A gateway behind a connection that can be interrupted.</summary>
public sealed class GatewayLineStage : Stage
{
    public GatewayLineStage() => Shop = new EmbeddingSite(FreePort.Next(), () => Portal.Url);

    public Line Line { get; } = new();

    public EmbeddingSite Shop { get; }

    internal Backend Backend { get; private set; } = null!;

    protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["PUBLIC_URL"] = Line.Url,
        ["NAMESPACES"] = $"MyApp:{Backend.Secret}",
        ["EMBED_ORIGINS"] = Shop.Origin,
    };

    public override async Task InitializeAsync()
    {
        Line.Listen();
        await base.InitializeAsync();
        Line.ForwardTo(Portal.Port);
        Backend = new Backend(Portal);
        await Shop.StartAsync();
    }

    public override async Task DisposeAsync()
    {
        await Shop.DisposeAsync();
        Backend?.Dispose();
        await base.DisposeAsync();
        await Line.DisposeAsync();
    }
}

/// <summary>A backend that requests the verification of addresses.</summary>
internal sealed class Backend : IDisposable
{
    public const string Secret = "a-shared-secret";

    private readonly HttpClient _http;

    public Backend(PortalProcess portal)
    {
        _http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{portal.Port}") };
        _http.DefaultRequestHeaders.Authorization =
            new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"MyApp:{Secret}")));
    }

    /// <summary>Starts a verification, which sends a code unless <c>to</c> is empty. <c>id</c> sets the id.</summary>
    public async Task<Wanted> BeginAsync(params (string Name, string Value)[] fields)
    {
        var id = fields.FirstOrDefault(field => field.Name == "id").Value ?? "user-" + Guid.NewGuid().ToString("N");
        if (!fields.Any(field => field.Name == "to")) fields = [.. fields, ("to", $"bob.{Guid.NewGuid():N}@example.com")];
        if (!fields.Any(field => field.Name == "provider")) fields = [.. fields, ("provider", "mailbox")];
        using var form = new FormUrlEncodedContent(fields.Select(field => KeyValuePair.Create(field.Name, field.Value)));
        using var answer = await _http.PutAsync(new Uri("/api/otp/" + Uri.EscapeDataString(id), UriKind.Relative), form);
        var body = await answer.Content.ReadAsStringAsync();
        answer.IsSuccessStatusCode.ShouldBeTrue(body);
        using var json = JsonDocument.Parse(body);
        var data = json.RootElement.GetProperty("data");
        return new Wanted(id, data.GetProperty("to").GetString()!, data.GetProperty("otp").GetString()!);
    }

    /// <summary>Returns whether the correct code was entered.</summary>
    public async Task<bool> IsVerifiedAsync(Wanted wanted)
    {
        using var answer = await _http.PostAsync(new Uri($"/api/otp/{Uri.EscapeDataString(wanted.Id)}/status", UriKind.Relative), null);
        return answer.IsSuccessStatusCode;
    }

    /// <summary>Submits a code on behalf of the user.</summary>
    public async Task<bool> CheckAsync(Wanted wanted, string code)
    {
        using var form = new FormUrlEncodedContent([KeyValuePair.Create("otp", code), KeyValuePair.Create("skip_delete", "true")]);
        using var answer = await _http.PostAsync(new Uri($"/api/otp/{wanted.Id}", UriKind.Relative), form);
        return answer.IsSuccessStatusCode;
    }

    public void Dispose() => _http.Dispose();
}

/// <summary>A verification that the backend requested.</summary>
internal sealed record Wanted(string Id, string To, string Code)
{
    public string Path => "/otp/MyApp/" + Uri.EscapeDataString(Id);

    public string WrongCode => Code[..^1] + (char)('0' + ((Code[^1] - '0' + 1) % 10));
}
