using System.Reflection;

namespace OtpPortal.Configuration;

/// <summary>Where the settings of a process come from.</summary>
internal static class PortalSources
{
    private const string Solution = "OtpPortal.sln";
    private const string RunSecrets = "/run/secrets";

    /// <summary>
    /// Adds every source; a later one overrides an earlier one: <c>appsettings.json</c>, <c>.env</c>, user secrets (Development),
    /// files in <c>/run/secrets</c>, the environment, the command line.
    /// </summary>
    /// <exception cref="SettingsException">A source cannot be read.</exception>
    public static void AddPortalSources(
        this IConfigurationBuilder configuration, string[] args, bool isDevelopment,
        string? folder = null, string secretsFolder = RunSecrets)
    {
        folder ??= SettingsFolder();
        try
        {
            configuration.AddJsonFile(Path.Combine(folder, "appsettings.json"), optional: true, reloadOnChange: false);
            configuration.Add(new EnvFileConfigurationSource(Path.Combine(folder, ".env")));
            if (isDevelopment) configuration.AddUserSecrets(Assembly.GetExecutingAssembly(), optional: true, reloadOnChange: false);
            configuration.AddKeyPerFile(secretsFolder, optional: true, reloadOnChange: false);
            configuration.AddEnvironmentVariables();
            configuration.AddCommandLine(args);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or FormatException)
        {
            throw new SettingsException([e.Message]);
        }
    }

    /// <summary>
    /// Returns the environment's name. A clone runs as Development, so that one command is enough; a published program is Production unless
    /// ASPNETCORE_ENVIRONMENT or DOTNET_ENVIRONMENT says otherwise. (A launch profile would override the caller's environment.)
    /// </summary>
    public static string EnvironmentName(string[] args)
    {
        var configuration = new ConfigurationManager();
        configuration.AddPortalSources(args, isDevelopment: false);
        var name = configuration["ASPNETCORE_ENVIRONMENT"] is { Length: > 0 } aspNetCore ? aspNetCore : configuration["DOTNET_ENVIRONMENT"];
        if (string.IsNullOrEmpty(name)) return SolutionFolder() is null ? Environments.Production : Environments.Development;
        // Everything else, Staging included, has the rules of Production.
        return string.Equals(name, Environments.Development, StringComparison.OrdinalIgnoreCase)
            ? Environments.Development
            : Environments.Production;
    }

    /// <summary>Returns the base folder of relative paths: the solution's, or the working directory of a published program.</summary>
    public static string RootFolder() => SolutionFolder() ?? Environment.CurrentDirectory;

    // A published program reads the files beside it, unless its working directory has them.
    private static string SettingsFolder() =>
        SolutionFolder()
        ?? (File.Exists(".env") || File.Exists("appsettings.json") ? Environment.CurrentDirectory : AppContext.BaseDirectory);

    private static string? SolutionFolder()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, Solution))) return folder.FullName;
        }
        return null;
    }
}
