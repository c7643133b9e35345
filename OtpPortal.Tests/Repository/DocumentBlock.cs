using System.Text.RegularExpressions;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Repository;

/// <summary>A block of code in a document, with the marks (comments of one line) directly before it.</summary>
/// <param name="Page">The path of the document in the repository.</param>
/// <param name="Line">The line of the opening fence, from 1.</param>
internal sealed partial record DocumentBlock(
    string Page, int Line, string Language, string Text, IReadOnlyList<(string Name, string Value)> Marks)
{
    /// <summary>Gets the paths of README.md and the pages of docs, without the decisions.</summary>
    public static IReadOnlyList<string> Pages { get; } =
    [
        "README.md",
        .. Directory.EnumerateFiles(Path.Combine(RepositoryRoot.Path, "docs"), "*.md")
            .Select(path => "docs/" + Path.GetFileName(path)).Order(StringComparer.Ordinal),
    ];

    public static IReadOnlyList<DocumentBlock> All { get; } = [.. Pages.SelectMany(Of)];

    public bool IsCommands => Language is "sh" or "bash" or "shell" or "console" or "powershell";

    public string Place => $"{Page}:{Line}";

    public string? Mark(string name) => Marks.FirstOrDefault(mark => mark.Name == name).Value;

    public static IEnumerable<DocumentBlock> Of(string page)
    {
        var lines = RepositoryRoot.Read(page).Split('\n');
        for (var start = 0; start < lines.Length; start++)
        {
            var fence = Fence().Match(lines[start]);
            if (!fence.Success) continue;
            var indent = fence.Groups["indent"].Length;
            var end = Array.FindIndex(lines, start + 1, line => line.TrimStart() == "```");
            var text = lines[(start + 1)..end].Select(line => line.Length > indent ? line[indent..] : line.TrimStart());
            var marks = lines[..start].Reverse().Select(line => MarkLine().Match(line)).TakeWhile(mark => mark.Success).Reverse()
                .Select(mark => (mark.Groups["name"].Value, mark.Groups["value"].Value));
            yield return new DocumentBlock(page, start + 1, fence.Groups["language"].Value, string.Join('\n', text) + "\n", [.. marks]);
            start = end;
        }
    }

    [GeneratedRegex(@"^(?<indent> *)```(?<language>\w*)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Fence();

    [GeneratedRegex(@"^ *<!-- (?<name>value of [^:]+|[a-z ]+?)(: (?<value>.+))? -->$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex MarkLine();
}
