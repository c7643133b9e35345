using System.Text.RegularExpressions;
using OtpPortal.Histories.Running;
using OtpPortal.Tests.Client;
using OtpPortal.Tests.Infrastructure;
using Xunit.Abstractions;

namespace OtpPortal.Tests.Histories;

/// <summary>Short runs of <c>bench/histories.sh</c>, and the commands of its documentation.</summary>
public sealed partial class HistoryRunTests(ITestOutputHelper output) : IDisposable
{
    private static readonly string s_script = Path.Combine(RepositoryRoot.Path, "bench", "histories.sh");

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> DocumentedCommands { get; } =
        [.. Command().Matches(RepositoryRoot.Read("docs", "reliability.md")).Select(match => match.Groups["arguments"].Value)];

    [Theory]
    [InlineData("redis", "45", "20261122")]
    [InlineData("embedded", "20", "20261122")]
    public async Task The_portal_keeps_its_promises_while_faults_happen(string kind, string duration, string seed)
    {
        var (code, summary) = await RunAsync(kind, duration, seed, "--folder", _folder.Path);

        output.WriteLine(summary);
        code.ShouldBe(0, summary);
        // A run in which nothing happens proves nothing.
        Faults().Match(summary).Groups["count"].Value.ShouldNotBeOneOf("", "0");
        Successes().Count(summary).ShouldBe(2, summary);
        // The recorded history can be checked again.
        (await RunAsync("check", Path.Combine(_folder.Path, "history.jsonl"))).ShouldBe((0, summary));
    }

    [Theory]
    [MemberData(nameof(DocumentedCommands))]
    public async Task A_documented_command_is_accepted(string arguments)
    {
        var words = arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words is ["check", var file])
        {
            file.ShouldBe(Path.GetRelativePath(RepositoryRoot.Path, DefaultHistory()));
            (await RunAsync("check", Path.Combine(_folder.Path, "missing.jsonl"))).Code.ShouldBe(2);
        }
        else
        {
            Should.NotThrow(() => RunArguments.Parse(words));
        }
    }

    [Theory]
    [InlineData("memcached")]
    [InlineData("redis 5")]
    [InlineData("redis 60 one")]
    [InlineData("redis 60 1 2")]
    [InlineData("redis --quick")]
    [InlineData("redis --expiry")]
    [InlineData("redis --faults kill,flood")]
    public async Task Invalid_arguments_are_rejected(string arguments) =>
        (await RunAsync(arguments.Split(' '))).Code.ShouldBe(2);

    public void Dispose() => _folder.Dispose();

    private static string DefaultHistory() =>
        Path.Combine(RepositoryRoot.Path, Path.GetRelativePath(Environment.CurrentDirectory, RunArguments.Parse([]).HistoryPath));

    private static async Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        var start = ExampleProgram.Start(s_script, arguments);
        start.Environment["OTPPORTAL_HISTORIES"] = AppContext.BaseDirectory;
        var (code, text, errors) = await ExampleProgram.RunAsync(start, "");
        return (code, text + errors);
    }

    [GeneratedRegex("^bench/histories\\.sh(?<arguments>[^#\n]*)", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 1000)]
    private static partial Regex Command();

    [GeneratedRegex("^faults: (?<count>[0-9]+)", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 1000)]
    private static partial Regex Faults();

    [GeneratedRegex("^  (Check|Submit): 200 [1-9]", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 1000)]
    private static partial Regex Successes();
}
