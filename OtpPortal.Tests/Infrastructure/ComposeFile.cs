using OtpPortal.Tests.Client;
using YamlDotNet.RepresentationModel;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>Compose files as docker-compose reads them.</summary>
internal static class ComposeFile
{
    /// <summary>Returns the environment that docker-compose derives from a compose file and <c>.env</c> for a service.</summary>
    public static async Task<Dictionary<string, string>> EnvironmentOfAsync(string file, string service, IEnumerable<string> dotEnv) =>
        ((YamlMappingNode)(await ServicesAsync(file, dotEnv))[service]["environment"])
            .ToDictionary(entry => entry.Key.ToString(), entry => entry.Value.ToString(), StringComparer.Ordinal);

    /// <summary>Returns the services of a compose file, after docker-compose has resolved variables and <c>.env</c>.</summary>
    public static async Task<YamlMappingNode> ServicesAsync(string file, IEnumerable<string> dotEnv) =>
        (YamlMappingNode)(await ConfigAsync(file, dotEnv))["services"];

    /// <summary>Returns the output of <c>docker-compose config</c>.</summary>
    public static async Task<YamlNode> ConfigAsync(string file, IEnumerable<string> dotEnv)
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(Path.Combine(folder.Path, "deploy"));
        await File.WriteAllTextAsync(Path.Combine(folder.Path, file), RepositoryRoot.Read(file));
        await File.WriteAllLinesAsync(Path.Combine(folder.Path, ".env"), dotEnv);
        var start = ExampleProgram.Start("docker-compose", "--project-directory", ".", "-f", file, "config");
        start.WorkingDirectory = folder.Path;
        // Variables of the shell would take precedence over .env.
        foreach (var name in (string[])["PORT", "PUBLIC_URL", "TRUSTED_PROXIES", "DOMAIN"]) start.Environment.Remove(name);

        var (code, output, errors) = await ExampleProgram.RunAsync(start, "");

        code.ShouldBe(0, errors);
        var yaml = new YamlStream();
        yaml.Load(new StringReader(output));
        return yaml.Documents[0].RootNode;
    }
}
