using System.Text.RegularExpressions;
using OtpPortal.Tests.Infrastructure;
using YamlDotNet.RepresentationModel;

namespace OtpPortal.Tests.Deployment;

/// <summary>
/// The Dockerfile, the command of the README and the compose files. Where these tests run there may be no Docker engine: the
/// packaged program runs with the environment that the containers get.
/// </summary>
[Collection(PackageCollection.Name)]
public sealed partial class ContainerTests(PackageFixture package)
{
    // What .env contains at least, besides PUBLIC_URL.
    private static readonly string[] s_dotEnv = ["AUTH_SECRET_KEY=0123456789abcdef0123456789abcdef", "MAIL_TRANSPORT=mailbox"];

    public static TheoryData<string> ComposeFiles { get; } =
    [
        "compose.yaml",
        .. Directory.EnumerateFiles(Path.Combine(RepositoryRoot.Path, "deploy"), "compose.*.yaml")
            .Select(path => Path.GetRelativePath(RepositoryRoot.Path, path)).Order(StringComparer.Ordinal),
    ];

    [Fact]
    public async Task The_first_command_of_the_readme_starts_a_portal_and_signs_a_user_in()
    {
        using var folder = new TemporaryFolder();
        var environment = ImageEnvironment();
        foreach (var setting in await DockerRunSettingsAsync())
        {
            environment[setting.Key] = setting.Value;
        }
        environment["DATA_DIR"].ShouldBe("/data");
        environment["DATA_DIR"] = folder.Path;

        using var portal = await DeployedPortal.StartAsync([package.Program], environment, folder.Path);

        await portal.SignInAsync();
        // Users see the port of the host, which the command maps to the container's default port.
        portal.Log.ShouldContain("is ready on http://localhost:");
    }

    [Theory]
    [MemberData(nameof(ComposeFiles))]
    public async Task The_environment_of_a_compose_file_starts_a_portal(string file)
    {
        using var folder = new TemporaryFolder();
        var environment = ImageEnvironment();
        foreach (var (name, value) in await ComposeFile.EnvironmentOfAsync(file, "portal", s_dotEnv)) environment[name] = value;
        var (otp, auth) = RedisServer.NewDatabases();
        environment["REDIS_URL_OTP"].ShouldContain("redis");
        environment["REDIS_URL_OTP"] = RedisServer.Shared.Url(otp);
        environment["REDIS_URL_AUTH"] = RedisServer.Shared.Url(auth);

        // The container's file system is read-only, and DATA_DIR is empty: the portal must not write anything.
        using var portal = await DeployedPortal.StartAsync([package.Program], environment, folder.Path);

        var session = await portal.SignInAsync();
        var cookie = session.Cookie("auth_token").ShouldNotBeNull();
        cookie.Has("secure").ShouldBe(environment["PUBLIC_URL"].StartsWith("https://", StringComparison.Ordinal));
        cookie.Attributes.GetValueOrDefault("domain").ShouldBe(environment.GetValueOrDefault("COOKIE_DOMAIN"));
        Directory.EnumerateFileSystemEntries(folder.Path).ShouldBeEmpty();
    }

    [Theory]
    [MemberData(nameof(ComposeFiles))]
    public async Task The_portal_trusts_an_address_that_only_the_proxy_can_have(string file)
    {
        var root = await ComposeFile.ConfigAsync(file, s_dotEnv);
        var services = ((YamlMappingNode)root["services"]).ToDictionary(
            service => service.Key.ToString(), service => Networks(service.Value), StringComparer.Ordinal);
        var proxy = root["services"]["portal"]["environment"]["TRUSTED_PROXIES"].ToString();
        var trusted = System.Net.IPNetwork.Parse(proxy.Contains('/', StringComparison.Ordinal) ? proxy : proxy + "/32");
        var subnet = System.Net.IPNetwork.Parse(root["networks"]["back"]["ipam"]["config"][0]["subnet"].ToString());

        subnet.Contains(trusted.BaseAddress).ShouldBeTrue();
        var proxies = services.Where(service => service.Value.Contains("front")).Select(service => service.Key).ToList();
        proxies.Count.ShouldBe(1, "the entrance");
        // A name that two networks share could lead the proxy through a network where its address is not trusted.
        services["portal"].Intersect(services[proxies[0]]).ShouldBe(["back"]);
        root["networks"]["back"]["internal"].ToString().ShouldBe("true");
        services.Where(service => service.Value.Contains("back")).Select(service => service.Key)
            .ShouldAllBe(name => name == "portal" || name == proxies[0] || name.StartsWith("redis") || name.StartsWith("sentinel"));
        // Only the proxy publishes ports, so nothing bypasses it.
        ((YamlMappingNode)root["services"]).Where(service => ((YamlMappingNode)service.Value).Children.ContainsKey("ports"))
            .Select(service => service.Key.ToString()).ShouldBe(proxies);
    }

    [Fact]
    public void The_image_runs_as_a_user_checks_its_health_and_has_no_shell()
    {
        var lines = RepositoryRoot.Read("Dockerfile").Split('\n');

        lines.Last(line => line.StartsWith("FROM ", StringComparison.Ordinal)).ShouldContain("-chiseled");
        lines.ShouldContain("USER $APP_UID");
        // The form with brackets, because without them it needs a shell.
        lines.Single(line => line.StartsWith("HEALTHCHECK ", StringComparison.Ordinal))
            .ShouldEndWith("CMD [\"dotnet\", \"OtpPortal.dll\", \"--probe\"]");
        var afterBuild = lines.Skip(Array.FindLastIndex(lines, line => line.StartsWith("FROM ", StringComparison.Ordinal)));
        afterBuild.ShouldNotContain(line => line.StartsWith("RUN ", StringComparison.Ordinal));
    }

    [Fact]
    public void Traefik_has_the_middlewares_of_the_example_in_one_chain()
    {
        var deployed = Load("deploy/traefik.yml")["http"]["middlewares"];
        var example = Load("examples/traefik/dynamic.yml")["http"]["middlewares"];

        deployed["client-identity"].ShouldBe(example["client-identity"]);
        deployed["forward-auth"].ShouldBe(example["otp-portal"]);
        deployed["signed-in"]["chain"]["middlewares"].ShouldBe(new YamlSequenceNode("client-identity", "forward-auth"));
    }

    [Fact]
    public async Task One_label_protects_an_app_behind_Traefik()
    {
        var services = await ComposeFile.ServicesAsync("deploy/compose.traefik.yaml", [.. s_dotEnv, "DOMAIN=example.com"]);

        var labels = (YamlMappingNode)services["whoami"]["labels"];
        labels["traefik.http.routers.whoami.middlewares"].ToString().ShouldBe("signed-in@file");
        labels["traefik.http.routers.whoami.rule"].ToString().ShouldBe("Host(`whoami.example.com`)");
        services["portal"]["environment"]["PUBLIC_URL"].ToString().ShouldBe("https://login.example.com");
        ((YamlMappingNode)services["portal"]["labels"]).Select(label => label.Key.ToString())
            .ShouldNotContain(name => name.EndsWith(".middlewares", StringComparison.Ordinal), "users must be able to sign in");
    }

    // The shell evaluates the command as a user's shell would, with a docker that prints its arguments.
    private static async Task<Dictionary<string, string>> DockerRunSettingsAsync()
    {
        var command = DockerRun().Match(RepositoryRoot.Read("README.md")).Value;
        command.ShouldContain("-p 127.0.0.1:3000:3000");
        var arguments = (await PackageFixture.RunAsync("bash", "-c", "docker() { printf '%s\\n' \"$@\"; }\n" + command)).Split('\n');
        return arguments.Index().Where(argument => argument.Item == "-e")
            .Select(argument => arguments[argument.Index + 1].Split('=', 2))
            .ToDictionary(setting => setting[0], setting => setting[1], StringComparer.Ordinal);
    }

    private static Dictionary<string, string> ImageEnvironment() =>
        RepositoryRoot.Read("Dockerfile").Split('\n').Single(line => line.StartsWith("ENV ", StringComparison.Ordinal))[4..].Split(' ')
            .Select(setting => setting.Split('=', 2))
            .ToDictionary(setting => setting[0], setting => setting[1], StringComparer.Ordinal);

    private static List<string> Networks(YamlNode service) => service["networks"] switch
    {
        YamlMappingNode networks => [.. networks.Select(network => network.Key.ToString())],
        var networks => [.. ((YamlSequenceNode)networks).Select(network => network.ToString())],
    };

    private static YamlNode Load(string file)
    {
        var yaml = new YamlStream();
        yaml.Load(new StringReader(RepositoryRoot.Read(file.Split('/'))));
        return yaml.Documents[0].RootNode;
    }

    [GeneratedRegex(@"^docker run (?:[^\n]*\\\n)*[^\n]*$", RegexOptions.Multiline, 1000)]
    private static partial Regex DockerRun();
}
