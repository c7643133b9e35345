using OtpPortal.Tests.Client;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Deployment;

/// <summary>The packages that <c>deploy/package.sh</c> builds for this machine, with the Debian package extracted.</summary>
public sealed class PackageFixture : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>Gets the path of the Debian package.</summary>
    public string Debian { get; private set; } = "";

    public string Tarball { get; private set; } = "";

    /// <summary>Gets the directory that stands for the root of the machine on which the package is installed.</summary>
    public string Root => Path.Combine(_folder.Path, "root");

    /// <summary>Gets the path of the installed program.</summary>
    public string Program => Path.Combine(Root, "usr/lib/otpportal/OtpPortal");

    public async Task InitializeAsync()
    {
        var built = (await RunAsync(Path.Combine(RepositoryRoot.Path, "deploy", "package.sh"), Architecture, _folder.Path))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        (Debian, Tarball) = (built[^2], built[^1]);
        await RunAsync("dpkg-deb", "--extract", Debian, Root);
    }

    public Task DisposeAsync()
    {
        _folder.Dispose();
        return Task.CompletedTask;
    }

    internal static string Architecture =>
        System.Runtime.InteropServices.RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.Arm64
            ? "arm64" : "amd64";

    /// <summary>Runs a program that must succeed, and returns its output.</summary>
    internal static async Task<string> RunAsync(string program, params IEnumerable<string> arguments)
    {
        var (code, output, errors) = await ExampleProgram.RunAsync(ExampleProgram.Start(program, arguments), "");
        code.ShouldBe(0, output + errors);
        return output;
    }
}

/// <summary>The tests that start the packaged program share one package.</summary>
[CollectionDefinition(Name)]
public sealed class PackageCollection : ICollectionFixture<PackageFixture>
{
    public const string Name = "package";
}
