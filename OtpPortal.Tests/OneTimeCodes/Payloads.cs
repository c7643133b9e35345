using System.Text.Json;
using OtpPortal.OneTimeCodes;

namespace OtpPortal.Tests.OneTimeCodes;

/// <summary>Creates and reads string payloads.</summary>
internal static class Payloads
{
    public static JsonElement Of(string name, string value) =>
        JsonSerializer.SerializeToElement(new Dictionary<string, string>(StringComparer.Ordinal) { [name] = value });

    public static string? Text(this JsonElement payload, string name) =>
        payload.TryGetProperty(name, out var value) ? value.GetString() : null;

    /// <summary>Adds a string to the payload, or returns false if the name exists.</summary>
    public static Task<bool> FillInAsync(this CodeStore codes, string key, CodeRecord record, string name, string value) =>
        codes.ChangePayloadAsync(key, record, payload =>
        {
            var texts = payload.Deserialize<Dictionary<string, string>>()!;
            return texts.TryAdd(name, value) ? JsonSerializer.SerializeToElement(texts) : null;
        });
}
