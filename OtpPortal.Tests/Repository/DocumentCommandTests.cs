using System.Text.RegularExpressions;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Repository;

/// <summary>
/// Commands of the deployment guide. A comment before each block names the test class that runs the commands, or says why no test
/// can: <c>&lt;!-- tested: Class --&gt;</c> or <c>&lt;!-- not tested: reason --&gt;</c>.
/// </summary>
public sealed partial class DocumentCommandTests
{
    [Fact]
    public void Each_block_of_commands_is_tested_or_says_why_it_is_not()
    {
        var classes = typeof(DocumentCommandTests).Assembly.GetTypes().Select(type => type.Name).ToHashSet(StringComparer.Ordinal);
        var lines = RepositoryRoot.Read("docs", "deployment.md").Split('\n').Select(line => line.Trim()).ToList();
        var blocks = lines.Index().Where(line => line.Item == "```sh").ToList();
        blocks.Count.ShouldBeGreaterThan(10);

        foreach (var (index, _) in blocks)
        {
            var mark = Mark().Match(lines[index - 1]);
            mark.Success.ShouldBeTrue($"line {index + 1} of deployment.md: {lines[index + 1]}");
            if (mark.Groups["test"].Success) classes.ShouldContain(mark.Groups["test"].Value);
        }
    }

    [GeneratedRegex(@"^<!-- (tested: (?<test>\w+)|not tested: \S.+) -->$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Mark();
}
