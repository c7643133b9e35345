using System.Text.Json;
using System.Text.Json.Serialization;

namespace OtpPortal.Gateway;

/// <summary>The data that a verification stores with its code.</summary>
/// <param name="SealedCode">The code, encrypted and bound to its record, because it may have to be sent later or again.</param>
/// <param name="To">The normalized address; null until the page has asked for it.</param>
/// <param name="ToAsSent">The address as the namespace sent it, if it differs.</param>
internal sealed partial record VerificationPayload(
    string Provider,
    byte[] SealedCode,
    int CodeLength,
    bool CodeIsDigits,
    string? To,
    string? ToAsSent,
    string ChannelDescription,
    string AddressDescription,
    JsonElement Extra,
    bool SkipDelete)
{
    public static VerificationPayload Read(JsonElement json) => json.Deserialize(VerificationPayloadJson.Default.VerificationPayload)!;

    public JsonElement Write() => JsonSerializer.SerializeToElement(this, VerificationPayloadJson.Default.VerificationPayload);

    public override string ToString() => nameof(VerificationPayload);

    [JsonSerializable(typeof(VerificationPayload))]
    private sealed partial class VerificationPayloadJson : JsonSerializerContext;
}
