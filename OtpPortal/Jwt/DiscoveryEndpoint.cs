using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http.HttpResults;
using OtpPortal.Http;

namespace OtpPortal.Jwt;

/// <summary>
/// <c>/.well-known/openid-configuration</c> (OpenID Connect Discovery 1.0, 4): the issuer and the location of the keys, for
/// libraries that verify bearer tokens.
/// </summary>
internal static partial class DiscoveryEndpoint
{
    public const string Path = "/.well-known/openid-configuration";

    public static void MapDiscovery(this IEndpointRouteBuilder routes) => routes.MapMethods(Path, ["GET", "HEAD"], Describe)
        .WithGroupName(ApiConventions.PortalDocument).WithTags("JWTs")
        .Describe(
            "discover", "Get the issuer and the location of the keys", "OpenID Connect Discovery 1.0. Pages of other origins may read it.")
        .Answers(200, "The metadata.", typeof(ProviderMetadata));

    private static JsonHttpResult<ProviderMetadata> Describe(HttpResponse response, JwtService jwts)
    {
        response.Headers.CacheControl = FormattableString.Invariant($"public, max-age={(int)KeyRing.PublishedFor.TotalSeconds}");
        // Public like the keys, so pages of other origins may read it.
        response.Headers.AccessControlAllowOrigin = "*";
        var metadata = new ProviderMetadata(jwts.Issuer, jwts.Issuer + JwtEndpoints.KeysPath, ["public"], jwts.Algorithms.All);
        return TypedResults.Json(metadata, MetadataJson.Default.ProviderMetadata);
    }

    /// <summary>
    /// The metadata that applies to <c>GET /token</c>. There are no authorization and token endpoints, and therefore no
    /// response types: an empty list must be omitted (OpenID Connect Discovery 1.0, 4.2).
    /// </summary>
    internal sealed record ProviderMetadata(
        [property: JsonPropertyName("issuer")] string Issuer,
        [property: JsonPropertyName("jwks_uri")] string KeysUri,
        [property: JsonPropertyName("subject_types_supported")] IReadOnlyList<string> SubjectTypes,
        [property: JsonPropertyName("id_token_signing_alg_values_supported")] IReadOnlyList<string> Algorithms);

    [JsonSerializable(typeof(ProviderMetadata))]
    private sealed partial class MetadataJson : JsonSerializerContext;
}
