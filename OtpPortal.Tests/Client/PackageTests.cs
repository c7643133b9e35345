using System.IO.Compression;
using System.Xml.Linq;
using OtpPortal.Tests.Configuration;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Client;

/// <summary>The NuGet package of OtpPortal.Client, as <c>dotnet pack</c> makes it for a release.</summary>
public sealed class PackageTests
{
    private const string Repository = "https://github.com/example/otpportal";

    [Fact]
    public async Task Has_readme_licence_documentation_repository_and_version()
    {
        using var folder = new TemporaryFolder();
        var name = await PackAsync(folder.Path);

        using var package = await ZipFile.OpenReadAsync(Path.Combine(folder.Path, name + ".nupkg"));
        var files = package.Entries.Select(entry => entry.FullName).ToList();
        files.ShouldContain("README.md");
        files.ShouldContain("LICENSE");
        files.ShouldContain("lib/net10.0/OtpPortal.Client.dll");
        files.ShouldContain("lib/net10.0/OtpPortal.Client.xml");
        await using var nuspec = await package.GetEntry("OtpPortal.Client.nuspec")!.OpenAsync();
        var metadata = (await XDocument.LoadAsync(nuspec, LoadOptions.None, CancellationToken.None)).Root!.Elements().Single(
            element => element.Name.LocalName == "metadata");
        string? Text(string element) => metadata.Elements().SingleOrDefault(child => child.Name.LocalName == element)?.Value;
        Text("id").ShouldBe("OtpPortal.Client");
        Text("version").ShouldBe(VersionTests.Prefix);
        Text("license").ShouldBe("MIT");
        Text("readme").ShouldBe("README.md");
        Text("description").ShouldNotBeNullOrEmpty();
        Text("authors").ShouldNotBeNullOrEmpty();
        Text("tags").ShouldNotBeNullOrEmpty();
        var repository = metadata.Elements().Single(child => child.Name.LocalName == "repository");
        repository.Attribute("type")!.Value.ShouldBe("git");
        repository.Attribute("url")!.Value.ShouldBe(Repository);
    }

    [Fact]
    public async Task Symbols_have_a_package_of_their_own()
    {
        using var folder = new TemporaryFolder();
        var name = await PackAsync(folder.Path);

        using var symbols = await ZipFile.OpenReadAsync(Path.Combine(folder.Path, name + ".snupkg"));
        symbols.Entries.Select(entry => entry.FullName).ShouldContain("lib/net10.0/OtpPortal.Client.pdb");
    }

    // What the build of the tests made is packed: the test compiles nothing.
    private static async Task<string> PackAsync(string folder)
    {
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        var start = ExampleProgram.Start(
            "dotnet", "pack", Path.Combine(RepositoryRoot.Path, "OtpPortal.Client"), "--no-build", "--nologo",
            "--configuration", configuration, "--output", folder, "-p:RepositoryUrl=" + Repository);

        var (code, output, errors) = await ExampleProgram.RunAsync(start, "");

        code.ShouldBe(0, output + errors);
        return "OtpPortal.Client." + VersionTests.Prefix;
    }
}
