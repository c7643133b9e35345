using System.Security.Cryptography;
using OtpPortal.Configuration;
using OtpPortal.Security;

namespace OtpPortal.Storage;

/// <summary>What an installation keeps on disk, and the secret that protects what it stores.</summary>
/// <param name="DataDir">DATA_DIR, absolute: embedded store and generated keys.</param>
/// <param name="Secret">AUTH_SECRET_KEY; in Development, one that is created in DATA_DIR when it is not set.</param>
public sealed record DataSettings(string DataDir, AuthSecret Secret) : ISettings<DataSettings>
{
    public static DataSettings Read(SettingsReader reader)
    {
        var dataDir = Path.GetFullPath(reader.Text("DATA_DIR", "data"), reader.RootDirectory);
        return new DataSettings(dataDir, ReadSecret(reader, dataDir));
    }

    private static AuthSecret ReadSecret(SettingsReader reader, string dataDir)
    {
        var value = reader.Secret("AUTH_SECRET_KEY");
        if (reader.IsProduction && (value is null || value == AuthSecret.SampleValue || value.Length < AuthSecret.MinLength))
        {
            var problem = value is null ? "is missing"
                : value == AuthSecret.SampleValue ? "has the value from .env.sample"
                : "is too short";
            reader.AddError($"AUTH_SECRET_KEY {problem}. Set at least {AuthSecret.MinLength} random characters, "
                + "such as the output of `openssl rand -hex 32`.");
            return new AuthSecret("unused");
        }
        if (value is not null) return new AuthSecret(value);

        try
        {
            return new AuthSecret(ReadOrCreate(Path.Combine(dataDir, "auth-secret-key")));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            reader.AddError("DATA_DIR", dataDir, $"a writable directory ({e.Message.TrimEnd('.')})");
            return new AuthSecret("unused");
        }
    }

    private static string ReadOrCreate(string path)
    {
        if (File.Exists(path) && File.ReadAllText(path).Trim() is { Length: >= AuthSecret.MinLength } kept) return kept;

        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        else
        {
            Directory.CreateDirectory(
                Path.GetDirectoryName(path)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        var secret = RandomNumberGenerator.GetHexString(64, lowercase: true);
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var writer = new StreamWriter(path, options)) writer.WriteLine(secret);
        return secret;
    }
}
