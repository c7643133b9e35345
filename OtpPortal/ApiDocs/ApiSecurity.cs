using Microsoft.AspNetCore.Authorization;
using Microsoft.OpenApi;
using OtpPortal.Gateway;
using OtpPortal.Http;
using OtpPortal.MagicLinks;
using OtpPortal.Sessions;

namespace OtpPortal.ApiDocs;

/// <summary>The portal's authentication schemes, as OpenAPI has them.</summary>
internal sealed class ApiSecurity(IAuthorizationPolicyProvider policies, TokenSettings tokens)
{
    // A scheme of ASP.NET Core that takes several credentials is several schemes, of which a caller needs one.
    private readonly Dictionary<string, (string Name, OpenApiSecurityScheme Scheme)[]> _schemes = new(StringComparer.Ordinal)
    {
        [PortalTokenHandler.SchemeName] =
        [
            ("bearer", Http("bearer", "The token of a signed-in user. Takes precedence over the cookie.")),
            ("cookie", Key(ParameterLocation.Cookie, tokens.CookieName, "The same token. AUTH_TOKEN_COOKIE_NAME sets the name.")),
        ],
        [OperatorKeyHandler.SchemeName] = [("operator", Http("bearer", "AUTH_SECRET_KEY."))],
        [NamespaceHandler.SchemeName] = [("namespace", Http("basic", "The name and secret of a namespace (NAMESPACES)."))],
        [ServiceAccountHandler.SchemeName] =
            [("apiKey", Key(ParameterLocation.Header, ServiceAccountHandler.Header, "The key of a service account."))],
    };

    /// <summary>Gets the schemes of which one admits a caller; none where no credentials are needed.</summary>
    public async Task<IReadOnlyList<(string Name, OpenApiSecurityScheme Scheme)>> OfAsync(IList<object> metadata)
    {
        var schemes = metadata.OfType<ApiCaller>().Select(caller => caller.Scheme).ToList();
        foreach (var authorize in metadata.OfType<IAuthorizeData>())
        {
            var policy = authorize.Policy is null ? null : await policies.GetPolicyAsync(authorize.Policy);
            schemes.AddRange(policy?.AuthenticationSchemes ?? []);
        }
        return [.. schemes.Distinct(StringComparer.Ordinal).SelectMany(scheme => _schemes[scheme])];
    }

    private static OpenApiSecurityScheme Http(string scheme, string description) =>
        new() { Type = SecuritySchemeType.Http, Scheme = scheme, Description = description };

    private static OpenApiSecurityScheme Key(ParameterLocation place, string name, string description) =>
        new() { Type = SecuritySchemeType.ApiKey, In = place, Name = name, Description = description };
}
