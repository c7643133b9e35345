using System.Xml.Linq;
using OtpPortal.Configuration;
using OtpPortal.Tests.Client;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Configuration;

/// <summary>The version has one place, Directory.Build.props.</summary>
public sealed class VersionTests
{
    /// <summary>Gets the version of Directory.Build.props.</summary>
    internal static string Prefix { get; } =
        XDocument.Parse(RepositoryRoot.Read("Directory.Build.props")).Descendants("VersionPrefix").Single().Value;

    [Fact]
    public async Task The_command_prints_it_without_settings()
    {
        var start = ExampleProgram.Start(
            "dotnet", Path.Combine(AppContext.BaseDirectory, "OtpPortal.dll"), "--version", "--environment=Production");

        var (code, output, errors) = await ExampleProgram.RunAsync(start, "");

        code.ShouldBe(0, errors);
        output.ShouldBe(PortalVersion.Text + Environment.NewLine);
        errors.ShouldBeEmpty();
    }

    [Fact]
    public void A_build_has_it_and_at_most_a_commit_besides() =>
        PortalVersion.Text.ShouldMatch($@"^{System.Text.RegularExpressions.Regex.Escape(Prefix)}(\+[0-9a-f]+)?$");

    [Fact]
    public void The_changelog_has_an_entry_for_it_below_what_is_unreleased()
    {
        var headings = RepositoryRoot.Read("CHANGELOG.md").Split('\n')
            .Where(line => line.StartsWith("## ", StringComparison.Ordinal)).ToList();

        headings[0].ShouldBe("## [Unreleased]");
        headings[1].ShouldMatch($@"^## \[{System.Text.RegularExpressions.Regex.Escape(Prefix)}\] - \d{{4}}-\d\d-\d\d$");
    }
}
