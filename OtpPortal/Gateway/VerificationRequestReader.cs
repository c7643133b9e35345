using System.Globalization;
using System.Text;
using System.Text.Json;
using OtpPortal.Delivery;
using OtpPortal.OneTimeCodes;

namespace OtpPortal.Gateway;

/// <summary>Reads and validates the fields of a gateway request. The error names the first invalid field.</summary>
internal sealed class VerificationRequestReader(GatewaySettings defaults, Providers providers)
{
    internal const int MinCode = 3;
    internal const int MaxCode = 32;
    internal const int MaxDescription = 2000;
    internal const int MaxExtraBytes = 16 * 1024;
    private const int MaxExtraDepth = 32;
    private const int MaxTtl = 3600;
    private const int MaxAttempts = 20;
    private const int MaxGenerate = 20;

    /// <summary>Reads a request for a verification. Returns null and the reason if a field is invalid.</summary>
    public VerificationRequest? Read(string id, Fields fields, out string complaint)
    {
        if (!fields.TryOne("provider", out var name, out complaint)) return null;
        if (name.Length == 0) return Refuse(out complaint, "`provider` is empty. GET /api/providers lists the providers.");
        if (providers.Find(name) is not { } provider)
        {
            return Refuse(out complaint, "Unknown `provider`. GET /api/providers lists the providers.");
        }

        if (!fields.TryOne("to", out var to, out complaint)) return null;
        var address = "";
        if (to.Length > 0 && !provider.TryNormalize(to, out address))
            return Refuse(out complaint, $"Invalid `to` address for the provider {provider.Name}.");
        if (!TryDescription(fields, "channel_description", out var channel, out complaint)) return null;
        if (!TryDescription(fields, "address_description", out var addressText, out complaint)) return null;

        if (!fields.TryOne("otp", out var code, out complaint)) return null;
        var maxCode = Math.Min(MaxCode, provider.MaxCodeLength);
        if (code.Length > 0 && !PrintableText.Is(code, MinCode, maxCode))
        {
            return Refuse(
                out complaint, $"Invalid `otp`: must be {MinCode} to {maxCode} printable characters for the provider {provider.Name}.");
        }

        var terms = defaults.Terms;
        if (!TryNumber(fields, "ttl", (int)terms.Lifetime.TotalSeconds, MaxTtl, "seconds", out var ttl, out complaint)) return null;
        if (!TryNumber(fields, "max_attempts", terms.MaxAttempts, MaxAttempts, "attempts", out var attempts, out complaint)) return null;
        if (!TryNumber(fields, "max_generate", terms.MaxSends, MaxGenerate, "codes", out var generate, out complaint)) return null;
        if (!TryFlag(fields, "skip_delete", out var skipDelete, out complaint)) return null;

        if (!fields.TryOne("extra", out var text, out complaint)) return null;
        if (Encoding.UTF8.GetByteCount(text) > MaxExtraBytes)
        {
            return Refuse(out complaint, $"Invalid `extra`: must be at most {MaxExtraBytes} bytes.");
        }
        var extra = CodeRecord.NoPayload;
        if (text.Length > 0 && !TryJson(text, out extra)) return Refuse(out complaint, "Invalid JSON in `extra`.");

        complaint = "";
        return new VerificationRequest(
            id, provider, address, channel, addressText, code.Length == 0 ? null : code, defaults.CodeLength,
            new CodeOptions(TimeSpan.FromSeconds(ttl), attempts, generate, terms.ResendCooldown), extra, skipDelete)
        { ToAsSent = to };
    }

    public static bool TryFlag(Fields fields, string name, out bool value, out string complaint)
    {
        value = false;
        if (!fields.TryOne(name, out var text, out complaint)) return false;
        switch (text.ToUpperInvariant())
        {
            case "" or "FALSE" or "0" or "F":
                return true;
            case "TRUE" or "1" or "T":
                value = true;
                return true;
            default:
                complaint = $"Invalid `{name}`: must be true or false.";
                return false;
        }
    }

    // Values above the portal's maximum are reduced, not rejected: the response contains the actual value.
    private static bool TryNumber(Fields fields, string name, int fallback, int max, string unit, out int value, out string complaint)
    {
        value = fallback;
        if (!fields.TryOne(name, out var text, out complaint)) return false;
        if (text.Length == 0) return true;
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= 1)
        {
            value = (int)Math.Min(number, max);
            return true;
        }
        complaint = $"Invalid `{name}`: must be a whole number of {unit}, at least 1.";
        return false;
    }

    private static bool TryDescription(Fields fields, string name, out string text, out string complaint)
    {
        if (!fields.TryOne(name, out text, out complaint)) return false;
        if (text.Length <= MaxDescription && !text.Any(c => char.IsControl(c) && c is not ('\n' or '\r' or '\t'))) return true;
        complaint = $"Invalid `{name}`: must be text of at most {MaxDescription} characters.";
        return false;
    }

    // Serializes the JSON once: a value that cannot be written (such as a lone surrogate) would break every response with it.
    private static bool TryJson(string text, out JsonElement json)
    {
        try
        {
            json = JsonElement.Parse(text, new JsonDocumentOptions { MaxDepth = MaxExtraDepth });
            using var writer = new Utf8JsonWriter(Stream.Null);
            json.WriteTo(writer);
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            json = default;
            return false;
        }
    }

    private static VerificationRequest? Refuse(out string complaint, string reason)
    {
        complaint = reason;
        return null;
    }
}
