using OtpPortal.Tests.Client;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Repository;

/// <summary>The site that VitePress makes of docs.</summary>
public sealed class DocumentSiteTests
{
    [Fact]
    public async Task It_is_built_with_a_page_for_each_document_and_without_dead_links()
    {
        var docs = Path.Combine(RepositoryRoot.Path, "docs");
        var program = Path.Combine(docs, "node_modules", "vitepress", "bin", "vitepress.js");
        File.Exists(program).ShouldBeTrue("npm ci in docs installs it, and test.sh does so");
        using var folder = new TemporaryFolder();
        var start = ExampleProgram.Start("node", program, "build", "--outDir", folder.Path);
        start.WorkingDirectory = docs;
        start.Environment["GITHUB_REPOSITORY"] = "octocat/otpportal";
        start.Environment["DOCS_BASE"] = "/otpportal/";

        var (code, output, errors) = await ExampleProgram.RunAsync(start, "");

        code.ShouldBe(0, output + errors);
        foreach (var page in Directory.EnumerateFiles(docs, "*.md", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(docs, page);
            if (!name.StartsWith("node_modules", StringComparison.Ordinal))
                File.Exists(Path.Combine(folder.Path, Path.ChangeExtension(name, ".html"))).ShouldBeTrue(name);
        }
        var migrating = await File.ReadAllTextAsync(Path.Combine(folder.Path, "deployment.html"));
        migrating.ShouldContain("href=\"https://github.com/octocat/otpportal/tree/main/CHANGELOG.md\"");
        migrating.ShouldContain("href=\"/otpportal/configuration");
        foreach (var page in DocumentBlock.Pages.Where(page => page is not ("README.md" or "docs/index.md")))
            migrating.ShouldContain($"href=\"/otpportal/{Path.GetFileNameWithoutExtension(page)}\"", customMessage: "the sidebar has every page");
    }
}
