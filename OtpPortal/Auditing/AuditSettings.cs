using OtpPortal.Configuration;

namespace OtpPortal.Auditing;

/// <summary>Settings of the audit stream.</summary>
/// <param name="Webhook">AUDIT_URL and AUDIT_SECRET; null posts nothing.</param>
/// <param name="File">AUDIT_FILE: the absolute path of a file to which events are appended; null writes none.</param>
public sealed record AuditSettings(AuditTarget? Webhook, string? File) : ISettings<AuditSettings>
{
    // The lengths that the Standard Webhooks specification allows, in bytes.
    private const int MinKey = 24;
    private const int MaxKey = 64;
    private const string KeyPrefix = "whsec_";

    public static AuditSettings Read(SettingsReader reader) => new(ReadTarget(reader), ReadFile(reader));

    private static AuditTarget? ReadTarget(SettingsReader reader)
    {
        var url = reader.WebAddress("AUDIT_URL", null);
        var secret = reader.Secret("AUDIT_SECRET");
        if (url is { Scheme: "http", IsLoopback: false })
        {
            reader.AddError("AUDIT_URL", url.GetLeftPart(UriPartial.Authority), "an https:// URL, or http:// for localhost");
        }
        if (url is null)
        {
            if (secret is not null && reader.Text("AUDIT_URL") is null) reader.AddError("AUDIT_SECRET is set, but AUDIT_URL is missing.");
            return null;
        }
        if (ReadKey(secret) is { } key) return new AuditTarget(url, key);
        reader.AddError($"AUDIT_SECRET {(secret is null ? "is missing, but AUDIT_URL is set" : "is not a key")}. It must be {KeyPrefix} "
            + $"and {MinKey} to {MaxKey} bytes in Base64, such as the output of: echo {KeyPrefix}$(openssl rand -base64 32)");
        return null;
    }

    private static byte[]? ReadKey(string? secret)
    {
        if (secret is null || !secret.StartsWith(KeyPrefix, StringComparison.Ordinal)) return null;
        var key = new byte[MaxKey];
        return Convert.TryFromBase64String(secret[KeyPrefix.Length..], key, out var length) && length >= MinKey ? key[..length] : null;
    }

    private static string? ReadFile(SettingsReader reader)
    {
        if (reader.Text("AUDIT_FILE") is not { } text) return null;
        var path = Path.GetFullPath(Path.Combine(reader.RootDirectory, text));
        try
        {
            using var file = AuditFile.Open(path);
            return path;
        }
        catch (Exception e) when (AuditFile.IsUnwritable(e))
        {
            reader.AddError("AUDIT_FILE", path, "a file that the portal can write");
            return null;
        }
    }
}

/// <summary>The receiver of the audit stream.</summary>
public sealed record AuditTarget(Uri Url, byte[] Key)
{
    /// <summary>Returns the host. The rest of the URL can contain secrets.</summary>
    public override string ToString() => Url.Host;
}
