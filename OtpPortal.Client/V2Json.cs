using System.Text.Json;
using System.Text.Json.Serialization;

namespace OtpPortal.Client;

/// <summary>The wire format of <c>/api/v2</c>, as its OpenAPI document describes it.</summary>
internal static partial class V2Json
{
    public static V2Context Default => V2Context.Default;

    [JsonSerializable(typeof(ErrorBody), TypeInfoPropertyName = "Error")]
    [JsonSerializable(typeof(OtpRequestBody))]
    [JsonSerializable(typeof(OtpAnswer))]
    [JsonSerializable(typeof(OtpEmailAnswer))]
    [JsonSerializable(typeof(ValidateOtpBody))]
    [JsonSerializable(typeof(MagicLinkRequestBody))]
    [JsonSerializable(typeof(MagicLinkAnswer))]
    [JsonSerializable(typeof(MagicLinkEmailAnswer))]
    [JsonSerializable(typeof(MagicLinkAndOtpEmailAnswer))]
    [JsonSerializable(typeof(JwtRequestBody))]
    [JsonSerializable(typeof(JwtAnswer))]
    [JsonSerializable(typeof(ValidateJwtBody))]
    [JsonSerializable(typeof(ValidateJwtAnswer))]
    [JsonSerializable(typeof(AccountRequestBody))]
    [JsonSerializable(typeof(AccountAnswer))]
    [JsonSourceGenerationOptions(
        PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        RespectNullableAnnotations = true,
        AllowDuplicateProperties = false)]
    internal sealed partial class V2Context : JsonSerializerContext;

    internal sealed class ErrorBody
    {
        public string? Message { get; init; }
    }

    internal sealed class OtpRequestBody
    {
        public required OtpParameters OtpCreateParams { get; init; }

        public OtpEmailParameters? OtpEmailCreateParams { get; init; }
    }

    internal sealed class OtpAnswer
    {
        public required CreatedOtp OtpCreateResults { get; init; }
    }

    internal sealed class OtpEmailAnswer
    {
        public required OtpAnswer OtpEmailCreateResults { get; init; }
    }

    internal sealed class ValidateOtpBody
    {
        public required IdAndOtp OtpValidateParams { get; init; }
    }

    internal sealed class IdAndOtp
    {
        public required string Id { get; init; }

        public required string Otp { get; init; }
    }

    internal sealed class MagicLinkRequestBody
    {
        public required MagicLinkParameters MagicLinkCreateParams { get; init; }

        public OtpParameters? OtpCreateParams { get; init; }

        public MagicLinkEmailParameters? MagicLinkEmailCreateParams { get; init; }
    }

    internal sealed class MagicLinkAnswer
    {
        public required CreatedMagicLink MagicLinkCreateResults { get; init; }
    }

    internal sealed class MagicLinkEmailAnswer
    {
        public required MagicLinkAnswer MagicLinkEmailCreateResults { get; init; }
    }

    internal sealed class MagicLinkAndOtpEmailAnswer
    {
        public required MagicLinkAndOtpResults MagicLinkEmailCreateResults { get; init; }
    }

    internal sealed class MagicLinkAndOtpResults
    {
        public required CreatedMagicLink MagicLinkCreateResults { get; init; }

        public required CreatedOtp OtpCreateResults { get; init; }
    }

    internal sealed class JwtRequestBody
    {
        public required JwtParameters JwtCreateParams { get; init; }
    }

    internal sealed class JwtAnswer
    {
        public required CreatedJwt JwtCreateResults { get; init; }
    }

    internal sealed class ValidateJwtBody
    {
        public required JwtOnly JwtValidateParams { get; init; }
    }

    internal sealed class JwtOnly
    {
        public required string Jwt { get; init; }
    }

    internal sealed class ValidateJwtAnswer
    {
        public required ClaimsOnly JwtValidateResults { get; init; }
    }

    internal sealed class ClaimsOnly
    {
        public required JsonElement Claims { get; init; }
    }

    internal sealed class AccountRequestBody
    {
        public required AccountParameters ServiceAccountCreateParams { get; init; }
    }

    internal sealed class AccountParameters
    {
        public IReadOnlyList<string>? RedirectHosts { get; init; }
    }

    internal sealed class AccountAnswer
    {
        public required AccountOnly ServiceAccountCreateResults { get; init; }
    }

    internal sealed class AccountOnly
    {
        public required ServiceAccount ServiceAccount { get; init; }
    }
}
