using System.Text.Json;
using System.Text.Json.Serialization;
using OtpPortal.OneTimeCodes;

namespace OtpPortal.SignIn;

/// <summary>What a sign-in keeps with its code.</summary>
/// <param name="Email">The normalized address.</param>
/// <param name="Channel">The way that the user asked for.</param>
/// <param name="ReturnTo">Where the browser goes afterwards; only ever an allowed address.</param>
public sealed partial record SignInPayload(string Email, CodeChannel Channel, string? ReturnTo)
{
    public static SignInPayload Of(CodeRecord record) => record.Payload.Deserialize(SignInPayloadJson.Default.SignInPayload)!;

    public JsonElement Write() => JsonSerializer.SerializeToElement(this, SignInPayloadJson.Default.SignInPayload);

    [JsonSerializable(typeof(SignInPayload))]
    private sealed partial class SignInPayloadJson : JsonSerializerContext;
}
