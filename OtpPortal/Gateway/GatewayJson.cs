using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using OtpPortal.Http;

namespace OtpPortal.Gateway;

/// <summary>otpgateway's wire format: field names and envelope.</summary>
internal static partial class GatewayJson
{
    /// <summary>
    /// A verification in API responses and events. It contains the code only in the response to the caller that created it.
    /// </summary>
    internal sealed record OtpData(
        [property: JsonPropertyName("namespace")] string Namespace,
        [property: JsonPropertyName("id")] string Id,
        [property: JsonPropertyName("to"), Description("Normalized. Empty until the hosted page has asked for it.")] string To,
        [property: JsonPropertyName("channel_description")] string ChannelDescription,
        [property: JsonPropertyName("address_description")] string AddressDescription,
        [property: JsonPropertyName("extra"), Description("Any JSON, {} if none was sent.")] JsonElement Extra,
        [property: JsonPropertyName("provider")] string Provider,
        [property: JsonPropertyName("otp"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        [property: Description("The code. Returned by PUT only.")]
        string? Otp,
        [property: JsonPropertyName("max_attempts")] int MaxAttempts,
        [property: JsonPropertyName("attempts")]
        [property: Description("1 for the message, plus 1 for each attempt. Above max_attempts the id is locked.")]
        int Attempts,
        [property: JsonPropertyName("generate"), Description("Number of messages sent.")] int Generate,
        [property: JsonPropertyName("max_generate")] int MaxGenerate,
        [property: JsonPropertyName("closed"), Description("Whether the correct code was entered.")] bool Closed,
        [property: JsonPropertyName("ttl"), Description("Seconds left.")] long Ttl,
        [property: JsonPropertyName("url"), Description("The hosted page.")] string Url)
    {
        public override string ToString() => Namespace + "/" + Id;
    }

    /// <summary>The response to a PUT for a locked id.</summary>
    internal sealed record LockData(
        [property: JsonPropertyName("ttl_seconds")] long TtlSeconds,
        [property: JsonPropertyName("attempts")] int Attempts,
        [property: JsonPropertyName("max_attempts")] int MaxAttempts,
        [property: JsonPropertyName("generate")] int Generate,
        [property: JsonPropertyName("max_generate")] int MaxGenerate);

    internal sealed record ClosedData([property: JsonPropertyName("closed")] bool Closed);

    internal sealed record Success<T>([property: JsonPropertyName("data"), JsonPropertyOrder(1), Required] T Data)
    {
        [JsonPropertyName("status"), AllowedValues("success")]
        public string Status => "success";
    }

    internal sealed record Failure<T>(
        [property: JsonPropertyName("message"), JsonPropertyOrder(1)] string Message,
        [property: JsonPropertyName("data"), JsonPropertyOrder(2), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] T? Data)
        where T : class
    {
        [JsonPropertyName("status"), AllowedValues("error")]
        public string Status => "error";
    }

    /// <summary>An error that does not concern a particular verification.</summary>
    internal sealed record Error([property: JsonPropertyName("message"), JsonPropertyOrder(1)] string Message)
    {
        [JsonPropertyName("status"), AllowedValues("error")]
        public string Status => "error";
    }

    internal sealed record Event(
        [property: JsonPropertyName("type")] string Type,
        [property: JsonPropertyName("namespace")] string Namespace,
        [property: JsonPropertyName("id")] string Id,
        [property: JsonPropertyName("data")] OtpData? Data);

    [JsonSerializable(typeof(Success<OtpData>))]
    [JsonSerializable(typeof(Success<IReadOnlyList<string>>), TypeInfoPropertyName = "SuccessNames")]
    [JsonSerializable(typeof(Success<string>), TypeInfoPropertyName = "SuccessText")]
    [JsonSerializable(typeof(Success<ClosedData>))]
    [JsonSerializable(typeof(Failure<OtpData>))]
    [JsonSerializable(typeof(Failure<LockData>))]
    [JsonSerializable(typeof(Error))]
    [JsonSerializable(typeof(Event))]
    internal sealed partial class Context : JsonSerializerContext;

    // The JSON is for programs and never embedded in HTML, so no HTML escaping is needed.
    internal static Context Json { get; } = new(new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    internal static OtpData Describe(Verification verification, PortalSettings portal, TimeProvider time, string? code = null) => new(
        verification.Namespace, verification.Id, verification.ToAsSent, verification.ChannelDescription, verification.AddressDescription,
        verification.Extra,
        verification.Provider, code, verification.MaxAttempts, verification.Attempts, verification.Generate, verification.MaxGenerate,
        verification.Closed, SecondsLeft(verification, time), UrlOf(verification, portal));

    internal static LockData DescribeLock(Verification locked, TimeProvider time) =>
        new(SecondsLeft(locked, time), locked.Attempts, locked.MaxAttempts, locked.Generate, locked.MaxGenerate);

    internal static long SecondsLeft(Verification verification, TimeProvider time) =>
        Math.Max(0, (long)Math.Ceiling((verification.Deadline - time.GetUtcNow()).TotalSeconds));

    internal static string UrlOf(Verification verification, PortalSettings portal) =>
        portal.Origin + VerificationId.PageOf(verification.Namespace, verification.Id);
}
