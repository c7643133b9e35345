using OtpPortal.Tests.Client;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Repository;

/// <summary>The site that VitePress makes of docs.</summary>
public sealed class DocumentSiteTests
{
    private static readonly string s_docs = Path.Combine(RepositoryRoot.Path, "docs");

    [Fact]
    public async Task It_is_built_with_a_page_for_each_document_and_without_dead_links()
    {
        Directory.Exists(Path.Combine(s_docs, "node_modules", "vitepress")).ShouldBeTrue("npm ci in docs installs it, and test.sh does so");
        // In a copy, because the build writes temporary files that other tests would find.
        using var folder = new TemporaryFolder();
        foreach (var path in Directory.EnumerateFiles(s_docs, "*", SearchOption.AllDirectories))
        {
            var file = Path.GetRelativePath(s_docs, path);
            if (file.Split('/').Any(part => part is "node_modules" or "cache" or "dist" or ".temp")) continue;
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder.Path, "docs", file))!);
            File.Copy(path, Path.Combine(folder.Path, "docs", file));
        }
        var docs = Path.Combine(folder.Path, "docs");
        Directory.CreateSymbolicLink(Path.Combine(docs, "node_modules"), Path.Combine(s_docs, "node_modules"));
        var start = ExampleProgram.Start("npm", "run", "build");
        start.WorkingDirectory = docs;
        start.Environment["GITHUB_REPOSITORY"] = "octocat/otpportal";
        start.Environment["DOCS_BASE"] = "/otpportal/";

        var (code, output, errors) = await ExampleProgram.RunAsync(start, "");

        code.ShouldBe(0, output + errors);
        var site = Path.Combine(docs, ".vitepress", "dist");
        string[] folders = [docs, Path.Combine(docs, "decisions")];
        foreach (var page in folders.SelectMany(name => Directory.EnumerateFiles(name, "*.md")))
            File.Exists(Path.Combine(site, Path.ChangeExtension(Path.GetRelativePath(docs, page), ".html"))).ShouldBeTrue(page);
        var deployment = await File.ReadAllTextAsync(Path.Combine(site, "deployment.html"));
        deployment.ShouldContain("href=\"https://github.com/octocat/otpportal/tree/main/CHANGELOG.md\"");
        foreach (var page in DocumentBlock.Pages.Where(page => page is not ("README.md" or "docs/index.md")))
            deployment.ShouldContain($"href=\"/otpportal/{Path.GetFileNameWithoutExtension(page)}\"", Case.Sensitive, "the sidebar");
    }
}
