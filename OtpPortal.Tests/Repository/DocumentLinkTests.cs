using System.Text.RegularExpressions;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Repository;

/// <summary>Links between the documents of the repository.</summary>
public sealed partial class DocumentLinkTests
{
    public static TheoryData<string> Documents { get; } =
    [
        .. Directory.EnumerateFiles(RepositoryRoot.Path, "*.md")
            .Concat(Directory.EnumerateFiles(Path.Combine(RepositoryRoot.Path, "docs"), "*.md"))
            .Concat(Directory.EnumerateFiles(Path.Combine(RepositoryRoot.Path, "docs", "decisions"), "*.md"))
            .Select(path => Path.GetRelativePath(RepositoryRoot.Path, path)).Order(StringComparer.Ordinal),
    ];

    [Theory]
    [InlineData("CHANGELOG.md")]
    [InlineData("CODE_OF_CONDUCT.md")]
    [InlineData("CONTRIBUTING.md")]
    [InlineData("LICENSE")]
    [InlineData("README.md")]
    [InlineData("SECURITY.md")]
    [InlineData(".github/CODEOWNERS")]
    [InlineData(".github/PULL_REQUEST_TEMPLATE.md")]
    public void A_file_that_hosting_services_look_for_is_there(string file) =>
        File.Exists(Path.Combine(RepositoryRoot.Path, file)).ShouldBeTrue();

    [Theory]
    [MemberData(nameof(Documents))]
    public void A_relative_link_leads_to_a_file_and_a_heading(string document)
    {
        foreach (Match link in Link().Matches(Code().Replace(RepositoryRoot.Read(document), "")))
        {
            var (path, heading) = (link.Groups["path"].Value, link.Groups["heading"].Value);
            var target = path.Length == 0
                ? Path.Combine(RepositoryRoot.Path, document)
                : Path.Combine(RepositoryRoot.Path, Path.GetDirectoryName(document)!, path);
            Path.Exists(target).ShouldBeTrue(link.Value);
            if (heading.Length > 0) Headings(target).ShouldContain(heading, link.Value);
        }
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void A_picture_is_there_and_small(string document)
    {
        foreach (Match match in Picture().Matches(Code().Replace(RepositoryRoot.Read(document), "")))
        {
            var picture = match.Groups["path"].Value;
            var file = new FileInfo(Path.Combine(RepositoryRoot.Path, Path.GetDirectoryName(document)!, picture));
            file.Exists.ShouldBeTrue(picture);
            file.Length.ShouldBeLessThan(500_000, picture);
        }
    }

    // As GitHub makes them: lower case, without punctuation, with a hyphen for each blank.
    private static IEnumerable<string> Headings(string path) =>
        Heading().Matches(Fence().Replace(File.ReadAllText(path), ""))
            .Select(heading => Punctuation().Replace(heading.Groups["text"].Value.Trim().ToLowerInvariant(), "").Replace(' ', '-'));

    [GeneratedRegex(@"(?<!!)\[[^\]]*\]\((?!https?:|mailto:)(?<path>[^)#\s]*)(#(?<heading>[^)\s]*))?\)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Link();

    [GeneratedRegex(@"!\[[^\]]*\]\((?<path>[^):]+)\)|src(set)?=""(?<path>[^"":]+)""", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Picture();

    [GeneratedRegex("^ *```.*?^ *```|`[^`\n]*`", RegexOptions.ExplicitCapture | RegexOptions.Singleline | RegexOptions.Multiline, 1000)]
    private static partial Regex Code();

    [GeneratedRegex("^ *```.*?^ *```", RegexOptions.ExplicitCapture | RegexOptions.Singleline | RegexOptions.Multiline, 1000)]
    private static partial Regex Fence();

    [GeneratedRegex("^#+ (?<text>.*)$", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 1000)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\p{L}\p{N}\s_-]", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Punctuation();
}
