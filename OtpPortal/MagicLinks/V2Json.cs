using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace OtpPortal.MagicLinks;

/// <summary>The answers of the API, with the field names of magiclinksdev.</summary>
internal static partial class V2Json
{
    internal sealed record Metadata(
        [property: JsonPropertyName(
            "uuid"), Description("The id of the request. In case of an internal error, the log has it.")] Guid Uuid);

    internal sealed record Failure(
        [property: JsonPropertyName("code"), Description("The status.")] int Code,
        [property: JsonPropertyName("message"), Description("What is wrong, beginning with the name of an invalid field.")] string Message,
        [property: JsonPropertyName("requestMetadata")] Metadata RequestMetadata);

    internal sealed record Account(
        [property: JsonPropertyName("uuid"), Description("The id of the account.")] Guid Uuid,
        [property: JsonPropertyName("apiKey"), Description("Its key, for X-API-KEY.")] string ApiKey,
        [property: JsonPropertyName("aud"), Description("The audience of its JWTs.")] string Aud,
        [property: JsonPropertyName("admin"), Description("False.")] bool Admin)
    {
        public override string ToString() => Uuid.ToString();
    }

    internal sealed record AccountResults([property: JsonPropertyName("serviceAccount")] Account ServiceAccount);

    internal sealed record AccountAnswer(
        [property: JsonPropertyName("serviceAccountCreateResults")] AccountResults Results,
        [property: JsonPropertyName("requestMetadata")] Metadata RequestMetadata);

    internal sealed record JwtResults([property: JsonPropertyName("jwt")] string Jwt)
    {
        public override string ToString() => nameof(JwtResults);
    }

    internal sealed record JwtAnswer(
        [property: JsonPropertyName("jwtCreateResults")] JwtResults Results,
        [property: JsonPropertyName("requestMetadata")] Metadata RequestMetadata);

    internal sealed record ClaimsResults(
        [property: JsonPropertyName("claims"), Description("All claims of the JWT.")] JsonObject Claims);

    internal sealed record ClaimsAnswer(
        [property: JsonPropertyName("jwtValidateResults")] ClaimsResults Results,
        [property: JsonPropertyName("requestMetadata")] Metadata RequestMetadata);

    internal sealed record LinkResults(
        [property: JsonPropertyName("magicLink"), Url, Description("The link for the user, to a page of the portal.")] string MagicLink,
        [property: JsonPropertyName("secret"), Description("The secret in the link's query.")] string Secret)
    {
        public override string ToString() => nameof(LinkResults);
    }

    internal sealed record LinkAnswer(
        [property: JsonPropertyName("magicLinkCreateResults")] LinkResults Results,
        [property: JsonPropertyName("requestMetadata")] Metadata RequestMetadata);

    internal sealed record LinkMailResults(
        [property: JsonPropertyName("magicLinkCreateResults")] LinkResults Link,
        [property: JsonPropertyName("otpCreateResults"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] CodeResults? Code);

    internal sealed record LinkMailAnswer(
        [property: JsonPropertyName("magicLinkEmailCreateResults")] LinkMailResults Results,
        [property: JsonPropertyName("requestMetadata")] Metadata RequestMetadata);

    internal sealed record CodeResults(
        [property: JsonPropertyName("id"), Description("The id to validate the code with. A UUID, not a secret.")] string Id,
        [property: JsonPropertyName("otp"), Description("The code.")] string Otp)
    {
        public override string ToString() => Id;
    }

    internal sealed record CodeAnswer(
        [property: JsonPropertyName("otpCreateResults")] CodeResults Results,
        [property: JsonPropertyName("requestMetadata")] Metadata RequestMetadata);

    internal sealed record CodeMailResults([property: JsonPropertyName("otpCreateResults")] CodeResults Code);

    internal sealed record CodeMailAnswer(
        [property: JsonPropertyName("otpEmailCreateResults")] CodeMailResults Results,
        [property: JsonPropertyName("requestMetadata")] Metadata RequestMetadata);

    internal sealed record Nothing;

    internal sealed record ValidAnswer(
        [property: JsonPropertyName("otpValidateResults")] Nothing Results,
        [property: JsonPropertyName("requestMetadata")] Metadata RequestMetadata);

    [JsonSerializable(typeof(Failure))]
    [JsonSerializable(typeof(AccountAnswer))]
    [JsonSerializable(typeof(JwtAnswer))]
    [JsonSerializable(typeof(ClaimsAnswer))]
    [JsonSerializable(typeof(LinkAnswer))]
    [JsonSerializable(typeof(LinkMailAnswer))]
    [JsonSerializable(typeof(CodeAnswer))]
    [JsonSerializable(typeof(CodeMailAnswer))]
    [JsonSerializable(typeof(ValidAnswer))]
    internal sealed partial class V2Context : JsonSerializerContext;

    // Read by programs, never part of a page: nothing is escaped for HTML.
    internal static V2Context Json { get; } = new(new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
