using System.Text.Json;
using System.Text.Json.Serialization;
using OtpPortal.OneTimeCodes;

namespace OtpPortal.SignIn;

/// <summary>The data that a sign-in stores with its code.</summary>
/// <param name="Email">The normalized address.</param>
/// <param name="Channel">The channel that the user requested.</param>
/// <param name="ReturnTo">The address to redirect to afterwards; always an allowed one.</param>
public sealed partial record SignInPayload(string Email, CodeChannel Channel, string? ReturnTo)
{
    public static SignInPayload Of(CodeRecord record) => record.Payload.Deserialize(SignInPayloadJson.Default.SignInPayload)!;

    public JsonElement Write() => JsonSerializer.SerializeToElement(this, SignInPayloadJson.Default.SignInPayload);

    [JsonSerializable(typeof(SignInPayload))]
    private sealed partial class SignInPayloadJson : JsonSerializerContext;
}
