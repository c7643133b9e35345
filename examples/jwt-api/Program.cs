// An API that accepts the portal's JWTs with ASP.NET Core's AddJwtBearer. To try it:
//
//   dotnet run --project OtpPortal
//   dotnet run --project examples/jwt-api
//   curl -H "Authorization: Bearer $JWT" http://localhost:4001/api/me
//
// $JWT is the token from GET /token?alg=RS256. AddJwtBearer cannot verify EdDSA, the portal's default.

using System.Security.Claims;

var builder = WebApplication.CreateBuilder(args);
var portal = builder.Configuration["PORTAL_URL"] ?? "http://localhost:3000";
builder.WebHost.UseUrls(builder.Configuration["urls"] ?? "http://localhost:4001");

builder.Services.AddAuthentication().AddJwtBearer(options =>
{
    options.Authority = portal;
    options.Audience = builder.Configuration["TOKEN_AUDIENCE"] ?? "OTP Portal";
    options.RequireHttpsMetadata = !new Uri(portal).IsLoopback;
    options.AutomaticRefreshInterval = TimeSpan.FromMinutes(5);
    options.MapInboundClaims = false;
    options.TokenValidationParameters.NameClaimType = "sub";
    options.TokenValidationParameters.ValidAlgorithms = ["RS256"];
    options.TokenValidationParameters.ValidTypes = ["JWT"];
    options.TokenValidationParameters.ClockSkew = TimeSpan.FromSeconds(30);
});
builder.Services.AddAuthorization();

var app = builder.Build();
app.MapGet("/api/me", (ClaimsPrincipal user) => new { email = user.FindFirstValue("sub") })
    .RequireAuthorization(policy => policy.RequireClaim("sub").RequireClaim("sid"));
app.Run();
