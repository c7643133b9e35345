using System.Security.Cryptography;
using System.Text;
using OtpPortal.Configuration;

namespace OtpPortal.Security;

/// <summary>
/// AUTH_SECRET_KEY: opens <c>/auth-tokens</c> and the admin pages, and is the root from which every other key is derived
/// (HKDF-SHA-256, RFC 5869), each for one purpose, so that no key serves two.
/// </summary>
public sealed class AuthSecret
{
    /// <summary>The value that .env.sample shows; a portal in Production refuses to start with it.</summary>
    internal const string SampleValue = "replace-me-with-32-random-characters";

    internal const int MinLength = 16;

    private readonly byte[] _root;
    private readonly SecretDigest _digest;

    public AuthSecret(string value)
    {
        _root = Encoding.UTF8.GetBytes(value);
        _digest = new SecretDigest(value);
    }

    /// <summary>A key of <paramref name="length"/> bytes for one purpose.</summary>
    public byte[] DeriveKey(string purpose, int length = 32) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _root, length, salt: "OtpPortal"u8.ToArray(), info: Encoding.UTF8.GetBytes(purpose));

    /// <summary>True for the secret itself.</summary>
    public bool Matches(string candidate) => _digest.Matches(candidate);

    /// <summary>The value itself, for a command that has to show it to the portal of the same machine.</summary>
    internal string Reveal() => Encoding.UTF8.GetString(_root);

    /// <summary>Says nothing of the value, so that no log line can.</summary>
    public override string ToString() => "AUTH_SECRET_KEY";

    internal static AuthSecret Read(SettingsReader reader, string dataDir)
    {
        var value = reader.Text("AUTH_SECRET_KEY");
        if (reader.IsProduction && (value is null || value == SampleValue || value.Length < MinLength))
        {
            var problem = value is null ? "is missing" : value == SampleValue ? "has the value of .env.sample" : "is too short";
            reader.Complain($"AUTH_SECRET_KEY {problem}: at least {MinLength} characters that nobody can guess are needed, such as the output of `openssl rand -hex 32`.");
            return new AuthSecret("unused");
        }
        if (value is not null) return new AuthSecret(value);

        try
        {
            return new AuthSecret(ReadOrCreate(Path.Combine(dataDir, "auth-secret-key")));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            reader.Complain($"DATA_DIR is \"{dataDir}\": a folder that can be written to is needed ({e.Message.TrimEnd('.')}).");
            return new AuthSecret("unused");
        }
    }

    private static string ReadOrCreate(string path)
    {
        if (File.Exists(path) && File.ReadAllText(path).Trim() is { Length: >= MinLength } kept) return kept;

        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        else Directory.CreateDirectory(Path.GetDirectoryName(path)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var secret = RandomNumberGenerator.GetHexString(64, lowercase: true);
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var writer = new StreamWriter(path, options)) writer.WriteLine(secret);
        return secret;
    }
}
