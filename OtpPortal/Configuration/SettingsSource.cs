using System.Collections;

namespace OtpPortal.Configuration;

/// <summary>Where settings come from: the environment, and the <c>.env</c> file beside the solution; the environment wins.</summary>
internal static class SettingsSource
{
    private const string Solution = "OtpPortal.sln";

    /// <summary>Collects the settings of this process. <paramref name="overrides"/> stand above the environment.</summary>
    public static SettingsReader Open(IReadOnlyDictionary<string, string>? overrides = null)
    {
        var complaints = new List<string>();
        var root = FindSolutionFolder();
        var folder = root ?? Environment.CurrentDirectory;
        var values = ReadEnvFile(Path.Combine(folder, ".env"), complaints);
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            values[(string)entry.Key] = (string?)entry.Value ?? "";
        }
        foreach (var (name, value) in overrides ?? new Dictionary<string, string>(StringComparer.Ordinal)) values[name] = value;

        var reader = new SettingsReader(values, !IsDevelopment(values, root is not null), folder);
        foreach (var complaint in complaints) reader.Complain(complaint);
        return reader;
    }

    // A clone runs as Development, so that one command is enough; a published program is Production unless told otherwise.
    // A launch profile would do the first as well, but it overrides what the caller's environment says.
    private static bool IsDevelopment(Dictionary<string, string> values, bool fromClone)
    {
        var name = values.GetValueOrDefault("ASPNETCORE_ENVIRONMENT") is { Length: > 0 } aspnet
            ? aspnet
            : values.GetValueOrDefault("DOTNET_ENVIRONMENT");
        return string.IsNullOrEmpty(name) ? fromClone : string.Equals(name, Environments.Development, StringComparison.OrdinalIgnoreCase);
    }

    private static string? FindSolutionFolder()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, Solution))) return folder.FullName;
        }
        return null;
    }

    private static Dictionary<string, string> ReadEnvFile(string path, List<string> complaints)
    {
        try
        {
            return File.Exists(path)
                ? EnvFile.Parse(File.ReadAllText(path), ".env", complaints)
                : new Dictionary<string, string>(StringComparer.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            complaints.Add($".env cannot be read: {e.Message}");
            return new Dictionary<string, string>(StringComparer.Ordinal);
        }
    }
}
