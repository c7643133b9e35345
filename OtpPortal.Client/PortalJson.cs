using System.Text.Json;
using System.Text.Json.Serialization;

namespace OtpPortal.Client;

/// <summary>The wire format of the portal's own endpoints.</summary>
internal static partial class PortalJson
{
    public static PortalContext Default => PortalContext.Default;

    [JsonSerializable(typeof(ErrorBody))]
    [JsonSerializable(typeof(CheckedToken))]
    [JsonSerializable(typeof(IssuedToken))]
    [JsonSerializable(typeof(List<SessionBody>))]
    [JsonSerializable(typeof(GatewayBody<OtpBody>), TypeInfoPropertyName = "GatewayOtp")]
    [JsonSerializable(typeof(GatewayBody<LockBody>), TypeInfoPropertyName = "GatewayLock")]
    [JsonSerializable(typeof(GatewayBody<List<string>>), TypeInfoPropertyName = "GatewayNames")]
    [JsonSourceGenerationOptions(
        PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectNullableAnnotations = true, AllowDuplicateProperties = false)]
    internal sealed partial class PortalContext : JsonSerializerContext;

    internal sealed class ErrorBody
    {
        public string? Error { get; init; }

        public string? Message { get; init; }
    }

    internal sealed class CheckedToken
    {
        public required string AuthToken { get; init; }

        public required string Email { get; init; }

        public required long ExpiresIn { get; init; }
    }

    internal sealed class IssuedToken
    {
        public required string Token { get; init; }

        public required long ExpiresIn { get; init; }
    }

    internal sealed class SessionBody
    {
        public required string Id { get; init; }

        public required string Email { get; init; }

        public required DateTimeOffset CreatedAt { get; init; }

        public required DateTimeOffset LastSeenAt { get; init; }

        public required DateTimeOffset ExpiresAt { get; init; }

        public required string Ip { get; init; }

        public required string UserAgent { get; init; }

        public required string AuthToken { get; init; }
    }

    internal sealed class GatewayBody<T>
        where T : class
    {
        public string? Message { get; init; }

        public T? Data { get; init; }
    }

    internal sealed class OtpBody
    {
        public required string Namespace { get; init; }

        public required string Id { get; init; }

        public required string To { get; init; }

        public required string ChannelDescription { get; init; }

        public required string AddressDescription { get; init; }

        public required JsonElement Extra { get; init; }

        public required string Provider { get; init; }

        public string? Otp { get; init; }

        public required int MaxAttempts { get; init; }

        public required int Attempts { get; init; }

        public required int Generate { get; init; }

        public required int MaxGenerate { get; init; }

        public required bool Closed { get; init; }

        public required long Ttl { get; init; }

        public required string Url { get; init; }
    }

    internal sealed class LockBody
    {
        public required long TtlSeconds { get; init; }
    }
}
