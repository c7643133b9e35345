// An app whose users sign in with the portal. To try it:
//
//   ALLOWED_REDIRECTS=localhost:4000 dotnet run --project OtpPortal
//   dotnet run --project examples/dotnet-app
//
// Then open http://localhost:4000.

using System.Net;
using System.Security.Claims;

var builder = WebApplication.CreateBuilder(args);
var portal = new Uri(builder.Configuration["PORTAL_URL"] ?? "http://localhost:3000");
builder.WebHost.UseUrls(builder.Configuration["urls"] ?? "http://localhost:4000");

builder.Services.AddAuthentication().AddOtpPortal(options => options.Url = portal);
builder.Services.AddAuthorization();

var app = builder.Build();
app.MapGet(
    "/",
    (ClaimsPrincipal user) =>
        Page(
            $"<h1>You are signed in as {WebUtility.HtmlEncode(user.Identity!.Name)}</h1><p><a href='{portal}'>Sessions, and sign "
                + $"out</a></p>"))
    .RequireAuthorization();
app.MapGet("/api/me", (ClaimsPrincipal user) => new { email = user.FindFirstValue(ClaimTypes.Email) }).RequireAuthorization();
app.MapGet("/open", () => Page("<h1>Everybody may read this</h1><p><a href='/'>Sign in</a></p>"));
app.Run();

static IResult Page(string html) => Results.Content("<!doctype html><title>An app</title>" + html, "text/html; charset=utf-8");
