using OtpPortal.Configuration;
using OtpPortal.Http;

namespace OtpPortal.Jwt;

/// <summary>JWTs of signed-in users.</summary>
/// <param name="Audience">TOKEN_AUDIENCE, or APP_NAME: whom <c>GET /token</c> makes tokens for; at most 200 characters.</param>
public sealed record JwtSettings(string Audience) : ISettings<JwtSettings>
{
    public static JwtSettings Read(SettingsReader reader) => new(reader.Line("TOKEN_AUDIENCE", reader.Get<PortalSettings>().AppName, 200));
}
