using k8s;
using OtpPortal.Tests.Client;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Deployment;

/// <summary>Renders the chart with <c>render.go</c>, which has the parts that Helm is made of.</summary>
public sealed class HelmChart : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();

    public static string Directory { get; } = Path.Combine(RepositoryRoot.Path, "deploy", "helm", "otpportal");

    private string Renderer => Path.Combine(_folder.Path, "render");

    public async Task InitializeAsync()
    {
        var build = ExampleProgram.Start(
            "go", "build", "-o", Renderer, Path.Combine(RepositoryRoot.Path, "OtpPortal.Tests", "Deployment", "render.go"));
        // Debian's packages of Go libraries are used as they are, without modules.
        build.Environment["GO111MODULE"] = "off";
        build.Environment["GOPATH"] = "/usr/share/gocode";
        var (code, output, errors) = await ExampleProgram.RunAsync(build, "");
        code.ShouldBe(0, output + errors);
    }

    public Task DisposeAsync()
    {
        _folder.Dispose();
        return Task.CompletedTask;
    }

    /// <summary>Renders the chart as release <c>login</c>.</summary>
    public async Task<(int Code, string Output, string Errors)> RenderAsync(string values)
    {
        var file = Path.Combine(_folder.Path, Path.GetRandomFileName() + ".yaml");
        await File.WriteAllTextAsync(file, values);
        return await ExampleProgram.RunAsync(ExampleProgram.Start(Renderer, Directory, "login", file), "");
    }

    /// <summary>Renders the chart. Each object must have the fields of its kind and no others.</summary>
    public async Task<IReadOnlyList<IKubernetesObject>> ObjectsAsync(string values)
    {
        var (code, output, errors) = await RenderAsync(values);
        code.ShouldBe(0, errors);
        return [.. KubernetesYaml.LoadAllFromString(output, strict: true).Cast<IKubernetesObject>()];
    }
}
