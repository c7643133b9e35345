using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace OtpPortal.Gateway;

/// <summary>The fields of requests, for their description; <see cref="VerificationRequestReader"/> reads them one by one.</summary>
internal static class GatewayForms
{
    internal sealed record Put(
        [property: JsonPropertyName("provider"), Description("One of GET /api/providers.")] string Provider,
        [property: JsonPropertyName("to")]
        [property: Description("The address to verify, in the provider's form: an email address, a phone number. If left out, the "
            + "hosted page asks for it.")]
        string? To,
        [property: JsonPropertyName("channel_description"), MaxLength(VerificationRequestReader.MaxDescription)]
        [property: Description("Shown on the page that asks for the code.")]
        string? ChannelDescription,
        [property: JsonPropertyName("address_description"), MaxLength(VerificationRequestReader.MaxDescription)]
        [property: Description("Shown on the page that asks for the address.")]
        string? AddressDescription,
        [property: JsonPropertyName("otp"), Length(VerificationRequestReader.MinCode, VerificationRequestReader.MaxCode)]
        [property: Description("The code to send: printable characters, as many as the provider takes. Default: OTP_CODE_LENGTH random "
            + "digits.")]
        string? Otp,
        [property: JsonPropertyName("ttl"), Range(1, int.MaxValue)]
        [property: Description("Seconds that the code is valid; more than 3600 are reduced to 3600. Default: OTP_CODE_EXPIRY.")]
        int? Ttl,
        [property: JsonPropertyName("max_attempts"), Range(1, int.MaxValue)]
        [property: Description("Tries; more than 20 are reduced to 20. Default: OTP_MAX_ATTEMPTS.")]
        int? MaxAttempts,
        [property: JsonPropertyName("max_generate"), Range(1, int.MaxValue)]
        [property: Description("How often a live id may be begun again, and how many messages its page sends; more than 20 are reduced "
            + "to 20. Default: OTP_MAX_SENDS.")]
        int? MaxGenerate,
        [property: JsonPropertyName("skip_delete")]
        [property: Description("Keep the record after success until it expires, so that its status can be asked for.")]
        bool? SkipDelete,
        [property: JsonPropertyName("extra"), MaxLength(VerificationRequestReader.MaxExtraBytes)]
        [property: Description("JSON of the caller's own, returned with every answer.")]
        string? Extra);

    internal sealed record Check(
        [property: JsonPropertyName("action"), Description("Not read: to check is the only action.")] string? Action,
        [property: JsonPropertyName("otp"), Description("What the user typed.")] string Otp,
        [property: JsonPropertyName("skip_delete"), Description("Keep the record after success.")] bool? SkipDelete);
}
