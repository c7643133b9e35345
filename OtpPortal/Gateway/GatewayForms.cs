using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace OtpPortal.Gateway;

/// <summary>The fields of requests, for their description; <see cref="VerificationRequestReader"/> reads them one by one.</summary>
internal static class GatewayForms
{
    internal sealed record Put(
        [property: JsonPropertyName("provider"), Description("A name from GET /api/providers.")] string Provider,
        [property: JsonPropertyName("to")]
        [property: Description("The address to verify, such as an email address or a phone number. If omitted, the "
            + "hosted page asks for it.")]
        string? To,
        [property: JsonPropertyName("channel_description"), MaxLength(VerificationRequestReader.MaxDescription)]
        [property: Description("Shown on the page that asks for the code.")]
        string? ChannelDescription,
        [property: JsonPropertyName("address_description"), MaxLength(VerificationRequestReader.MaxDescription)]
        [property: Description("Shown on the page that asks for the address.")]
        string? AddressDescription,
        [property: JsonPropertyName("otp"), Length(VerificationRequestReader.MinCode, VerificationRequestReader.MaxCode)]
        [property: Description("The code to send, in printable characters, as long as the provider allows. Default: OTP_CODE_LENGTH random "
            + "digits.")]
        string? Otp,
        [property: JsonPropertyName("ttl"), Range(1, int.MaxValue)]
        [property: Description("Lifetime of the code in seconds, reduced to 3600 if larger. Default: OTP_CODE_EXPIRY.")]
        int? Ttl,
        [property: JsonPropertyName("max_attempts"), Range(1, int.MaxValue)]
        [property: Description("Maximum number of attempts, reduced to 20 if larger. Default: OTP_MAX_ATTEMPTS.")]
        int? MaxAttempts,
        [property: JsonPropertyName("max_generate"), Range(1, int.MaxValue)]
        [property: Description("Maximum number of messages for a live id, from the API and from its page, reduced to 20 if larger. "
            + "to 20. Default: OTP_MAX_SENDS.")]
        int? MaxGenerate,
        [property: JsonPropertyName("skip_delete")]
        [property: Description("Keep the record after success until it expires, so that its status can be read.")]
        bool? SkipDelete,
        [property: JsonPropertyName("extra"), MaxLength(VerificationRequestReader.MaxExtraBytes)]
        [property: Description("Any JSON of the caller, returned in every response.")]
        string? Extra);

    internal sealed record Check(
        [property: JsonPropertyName("action"), Description("Ignored: check is the only action.")] string? Action,
        [property: JsonPropertyName("otp"), Description("The code that the user entered.")] string Otp,
        [property: JsonPropertyName("skip_delete"), Description("Keep the record after success.")] bool? SkipDelete);
}
