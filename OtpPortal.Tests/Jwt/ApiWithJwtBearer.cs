using System.Security.Claims;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Jwt;

/// <summary>An API on Kestrel that validates a portal's JWTs with <c>AddJwtBearer</c>.</summary>
internal sealed class ApiWithJwtBearer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly BrowserClient _client;

    private ApiWithJwtBearer(WebApplication app, BrowserClient client) => (_app, _client) = (app, client);

    public static async Task<ApiWithJwtBearer> StartAsync(Uri portal, string audience, Action<JwtBearerOptions>? configure = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        var address = new Uri($"http://127.0.0.1:{FreePort.Next()}");
        builder.WebHost.UseUrls(address.AbsoluteUri);
        builder.Logging.ClearProviders();
        builder.Services.AddAuthentication().AddJwtBearer(options =>
        {
            options.Authority = portal.GetLeftPart(UriPartial.Authority);
            options.Audience = audience;
            options.RequireHttpsMetadata = false;
            options.MapInboundClaims = false;
            configure?.Invoke(options);
        });
        builder.Services.AddAuthorization();
        var app = builder.Build();
        app.MapGet("/", (ClaimsPrincipal user) => user.FindFirstValue("sub")).RequireAuthorization();
        await app.StartAsync();
        return new ApiWithJwtBearer(app, new BrowserClient(address).AsProgram());
    }

    public Task<Answer> AskAsync(string jwt) => _client.GetAsync("/", ("Authorization", "Bearer " + jwt));

    public async Task ShouldAcceptAsync(string jwt, string email)
    {
        var answer = await AskAsync(jwt);
        (answer.Status, answer.Body).ShouldBe((200, email), answer.Header("WWW-Authenticate"));
    }

    /// <param name="why">Expected part of the error description in the response.</param>
    public async Task ShouldRefuseAsync(string jwt, string why)
    {
        var answer = await AskAsync(jwt);
        answer.Status.ShouldBe(401, answer.Body);
        answer.Header("WWW-Authenticate").ShouldNotBeNull().ShouldContain(why);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _app.DisposeAsync();
    }
}
