using OtpPortal.Configuration;
using OtpPortal.Http;

namespace OtpPortal.Jwt;

/// <summary>Settings of signed-in users' JWTs.</summary>
/// <param name="Audience">TOKEN_AUDIENCE, or APP_NAME: the audience of <c>GET /token</c>; at most 200 characters.</param>
public sealed record JwtSettings(string Audience) : ISettings<JwtSettings>
{
    public static JwtSettings Read(SettingsReader reader) => new(reader.Line("TOKEN_AUDIENCE", reader.Get<PortalSettings>().AppName, 200));
}
