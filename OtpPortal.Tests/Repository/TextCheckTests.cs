using OtpPortal.Tests.Client;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Repository;

/// <summary><c>build/checks/texts.mjs</c>: words that the project does not use, and lines of code that are too long.</summary>
public sealed class TextCheckTests : IDisposable
{
    // Joined here, because the check reads this file too.
    private const string Forbidden = "out of " + "breath";

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task The_repository_passes()
    {
        var (code, output, errors) = await RunAsync();

        code.ShouldBe(0, output + errors);
    }

    [Theory]
    [InlineData("page.md", $"A machine that is {Forbidden}.")]
    [InlineData("Code.cs", $"var x = 1; // The machine is {Forbidden}.")]
    [InlineData("Code.cs", $"/// <summary>The machine is {Forbidden}.</summary>")]
    [InlineData("Page.razor", $"@* The machine is {Forbidden}. *@")]
    [InlineData("script.sh", $"# The machine is {Forbidden}.")]
    [InlineData("Texts.resx", $"<data name=\"A\"><value>The machine is {Forbidden}.</value></data>")]
    [InlineData("Some.csproj", $"<!-- The machine is {Forbidden}. -->")]
    public async Task A_forbidden_word_is_reported_with_its_place_and_a_better_one(string name, string text)
    {
        var (code, output, _) = await RunAsync(Write(name, "\n" + text));

        code.ShouldBe(1);
        output.ShouldBe($"{Path.Combine(_folder.Path, name)}:2:{text.IndexOf(Forbidden, StringComparison.Ordinal) + 1}: "
            + $"\"{Forbidden}\" → under heavy load\n");
    }

    [Theory]
    [InlineData("page.md", $"A word of `{Forbidden}` in code.")]
    [InlineData("page.md", $"```\n{Forbidden}\n```")]
    [InlineData("page.md", $"Only{Forbidden}s")]
    [InlineData("Code.cs", $"var x = \"{Forbidden}\";")]
    [InlineData("Code.cs", $"/// <c>{Forbidden}</c>")]
    [InlineData("Texts.de.resx", $"<data name=\"A\"><value>{Forbidden}</value></data>")]
    [InlineData("picture.svg", Forbidden)]
    public async Task Code_other_languages_and_other_files_may_have_it(string name, string text) =>
        (await RunAsync(Write(name, text))).Code.ShouldBe(0);

    [Theory]
    [InlineData("Code.cs", 140, 0)]
    [InlineData("Code.cs", 141, 1)]
    [InlineData("Page.razor", 141, 1)]
    [InlineData("page.md", 141, 0)]
    public async Task A_line_of_code_has_at_most_140_columns(string name, int length, int expected)
    {
        var words = string.Concat(Enumerable.Repeat("word ", length))[..(length - 1)] + ";";

        (await RunAsync(Write(name, words))).Code.ShouldBe(expected);
    }

    [Fact]
    public async Task A_word_that_cannot_be_wrapped_may_pass_the_140th_column() =>
        (await RunAsync(Write("Code.cs", "var sample = \"" + new string('x', 150) + "\";"))).Code.ShouldBe(0);

    [Fact]
    public void The_word_list_is_sorted_and_has_each_word_once()
    {
        var words = RepositoryRoot.Read("build", "checks", "words.txt").TrimEnd('\n').Split('\n');

        words.ShouldBe(words.Distinct(StringComparer.OrdinalIgnoreCase).Order(StringComparer.OrdinalIgnoreCase));
    }

    public void Dispose() => _folder.Dispose();

    private string Write(string name, string text)
    {
        var path = Path.Combine(_folder.Path, name);
        File.WriteAllText(path, text);
        return path;
    }

    private static Task<(int Code, string Output, string Errors)> RunAsync(params string[] files) => ExampleProgram.RunAsync(
        ExampleProgram.Start("node", [Path.Combine(RepositoryRoot.Path, "build", "checks", "texts.mjs"), .. files]), "");
}
