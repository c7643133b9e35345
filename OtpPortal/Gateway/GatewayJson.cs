using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using OtpPortal.Http;

namespace OtpPortal.Gateway;

/// <summary>The wire format of otpgateway: its field names and its envelope.</summary>
internal static partial class GatewayJson
{
    /// <summary>
    /// A verification, as the API and the events tell of it. The code is in it only where the one who asked for it is answered.
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

    /// <summary>Why a PUT was refused: the id is locked.</summary>
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

    /// <summary>An error about no verification in particular.</summary>
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

    // Read by programs, never part of a page: nothing is escaped for HTML.
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
