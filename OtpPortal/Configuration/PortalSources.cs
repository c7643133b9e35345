using System.Reflection;

namespace OtpPortal.Configuration;

/// <summary>Adds the configuration sources of the process.</summary>
internal static class PortalSources
{
    private const string Solution = "OtpPortal.sln";
    private const string RunSecrets = "/run/secrets";

    /// <summary>Creates a builder without configuration sources.</summary>
    /// <param name="root">The base folder of relative paths.</param>
    public static WebApplicationBuilder CreateBuilder(string environment, string root)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions
        {
            // Otherwise the default sources, which are removed below, watch every folder in the root for changes.
            Args = ["--hostBuilder:reloadConfigOnChange=false"],
            ApplicationName = typeof(PortalSources).Assembly.GetName().Name,
            EnvironmentName = environment,
            ContentRootPath = root,
            WebRootPath = Path.Combine(AppContext.BaseDirectory, "wwwroot"),
        });
        builder.Configuration.Sources.Clear();
        return builder;
    }

    /// <summary>
    /// Adds all sources, in increasing precedence: <c>appsettings.json</c>, <c>.env</c>, user secrets (Development), files in
    /// <c>/run/secrets</c>, environment variables, command line.
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
    /// Returns the environment's name. By default a clone runs as Development and a published program as Production;
    /// ASPNETCORE_ENVIRONMENT or DOTNET_ENVIRONMENT overrides this. A launch profile is not used, because it would override the
    /// caller's environment.
    /// </summary>
    public static string EnvironmentName(string[] args)
    {
        var configuration = new ConfigurationManager();
        configuration.AddPortalSources(args, isDevelopment: false);
        var name = configuration["ASPNETCORE_ENVIRONMENT"] is { Length: > 0 } aspNetCore ? aspNetCore : configuration["DOTNET_ENVIRONMENT"];
        if (string.IsNullOrEmpty(name)) return SolutionFolder() is null ? Environments.Production : Environments.Development;
        // All other environments, including Staging, use the rules of Production.
        return string.Equals(name, Environments.Development, StringComparison.OrdinalIgnoreCase)
            ? Environments.Development
            : Environments.Production;
    }

    /// <summary>
    /// Returns the base folder of relative paths: the solution's, or the working directory for a published program.
    /// </summary>
    public static string RootFolder() => SolutionFolder() ?? Environment.CurrentDirectory;

    // A published program reads the files next to it, unless its working directory contains them.
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
