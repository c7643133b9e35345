using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace OtpPortal.SignIn;

/// <summary>The forms and responses of the sign-in endpoints.</summary>
internal static class SignInJson
{
    internal sealed record SentAnswer(
        [property: JsonPropertyName("flow"), Description("The id of the sign-in, for clients without a cookie jar. A secret.")] string Flow,
        [property: JsonPropertyName("expires_in"), Description("Seconds until the codes expire.")] int ExpiresIn,
        [property: JsonPropertyName("resend_in"), Description("Seconds until another code can be sent.")] int ResendIn);

    internal sealed record SignedInAnswer([property: JsonPropertyName("email")] string Email);

    internal sealed record ErrorAnswer(
        [property: JsonPropertyName("error")] string Error,
        [property: JsonPropertyName("attempts_left"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? AttemptsLeft = null,
        [property: JsonPropertyName("ticket"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Ticket = null);

    internal sealed record LoginForm(
        [property: JsonPropertyName("email"), EmailAddress] string Email,
        [property: JsonPropertyName(
            "return_to"), Description("The URL to go to after signing in. Ignored if not allowed.")] string? ReturnTo,
        [property: JsonPropertyName("channel"), AllowedValues("email", "sms")]
        [property: Description("How to send the code, for users who have both.")]
        string? Channel);

    internal record FlowForm(
        [property: JsonPropertyName("flow"), Description("The id of the sign-in, for clients without the otp_flow cookie.")] string? Flow);

    internal sealed record SubmitForm(
        [property: JsonPropertyName("code"), Description("The digits. Spaces and dashes are ignored.")] string Code,
        [property: JsonPropertyName("email"), Description("If set, it must be the address of the sign-in.")] string? Email,
        string? Flow) : FlowForm(Flow);
}
