using OtpPortal.Configuration;
using OtpPortal.Http;

namespace OtpPortal.Jwt;

/// <summary>JWTs of signed-in users.</summary>
/// <param name="Audience">TOKEN_AUDIENCE, or APP_NAME: whom <c>GET /token</c> makes tokens for; at most 200 characters.</param>
public sealed record JwtSettings(string Audience)
{
    internal static JwtSettings Read(SettingsReader reader, PortalSettings portal) => new(reader.Line("TOKEN_AUDIENCE", portal.AppName, 200));
}
