using System.Text.Json;
using OtpPortal.Configuration;
using OtpPortal.Tests.Client;
using OtpPortal.Tests.Infrastructure;
using YamlDotNet.RepresentationModel;

namespace OtpPortal.Tests.Repository;

/// <summary>
/// Runs the commands of README.md and docs against real portals, and checks the syntax of their configuration examples. Comments before
/// a block say what happens to it; CONTRIBUTING.md lists them. A block of commands without such a comment fails.
/// </summary>
public sealed class DocumentCommandTests
{
    public static TheoryData<string> PagesWithCommands { get; } =
        [.. DocumentBlock.All.Where(block => block.Mark("run") is not null).Select(block => block.Page).Distinct()];

    [Fact]
    public void Each_block_of_commands_is_run_or_says_why_not()
    {
        var tests = Directory.EnumerateFiles(RepositoryRoot.Path, "*Tests.cs", SearchOption.AllDirectories)
            .Select(Path.GetFileNameWithoutExtension).ToHashSet(StringComparer.Ordinal);
        var blocks = DocumentBlock.All.Where(block => block.IsCommands).ToList();
        blocks.Count.ShouldBeGreaterThan(40);

        foreach (var block in blocks)
        {
            block.Marks.Count(mark => mark.Name is "run" or "tested" or "not tested").ShouldBe(1, block.Place);
            if (block.Mark("run") is { } how) how.ShouldBeOneOf("", "servers");
            if (block.Mark("tested") is { } test) tests.ShouldContain(test, block.Place);
            if (block.Mark("not tested") is { } reason) reason.Split(' ').Length.ShouldBeGreaterThan(1, block.Place);
        }
        blocks.Count(block => block.Mark("run") is not null).ShouldBeGreaterThan(blocks.Count / 2, "most blocks are run");
    }

    [Theory]
    [MemberData(nameof(PagesWithCommands))]
    public async Task The_commands_of_a_page_succeed_and_their_output_is_the_documented_one(string page)
    {
        using var shell = new DocumentShell();
        foreach (var block in DocumentBlock.Of(page))
        {
            try
            {
                foreach (var (name, command) in block.Marks.Where(mark => mark.Name.StartsWith("value of ", StringComparison.Ordinal)))
                    await shell.SetValueAsync(name["value of ".Length..], command);
                if (block.Mark("file") is { } file) shell.Write(file, block.Text);
                if (block.Mark("output") is not null) shell.OutputShouldBe(block.Text);
                if (block.Mark("run") is { } how) await (how == "servers" ? shell.StartAsync(block.Text) : shell.RunAsync(block.Text));
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"{block.Place}: {exception.Message}", exception);
            }
        }
    }

    [Fact]
    public void Settings_are_read_by_the_portal_and_have_known_names()
    {
        var known = RepositoryRoot.Read(".env.sample").Split('\n').Select(line => line.TrimStart('#', ' ').Split('=')[0]).ToHashSet();
        foreach (var block in Blocks("dotenv"))
        {
            List<string> complaints = [];
            var settings = EnvFile.Parse(block.Text, block.Place, complaints);

            complaints.ShouldBeEmpty();
            foreach (var name in settings.Keys) known.ShouldContain(name, block.Place);
        }
    }

    [Fact]
    public void Json_and_yaml_examples_can_be_parsed()
    {
        foreach (var block in Blocks("json"))
        {
            try
            {
                // An output can have several values, one a line.
                using var _ = JsonDocument.Parse("[" + block.Text.Trim().Replace("}\n{", "},{", StringComparison.Ordinal) + "]");
            }
            catch (JsonException exception)
            {
                throw new ShouldAssertException($"{block.Place}: {exception.Message}", exception);
            }
        }
        foreach (var block in Blocks("yaml"))
        {
            using var reader = new StringReader(block.Text);
            var yaml = new YamlStream();
            yaml.Load(reader);
            yaml.Documents.Count.ShouldBe(1, block.Place);
        }
    }

    [Fact]
    public async Task Caddy_and_nginx_accept_their_examples()
    {
        using var folder = new TemporaryFolder();
        foreach (var block in Blocks("caddy"))
        {
            var file = Path.Combine(folder.Path, "Caddyfile");
            await File.WriteAllTextAsync(file, block.Text);
            await SucceedsAsync(block, "caddy", "adapt", "--adapter", "caddyfile", "--config", file);
        }
        var certificate = Path.Combine(folder.Path, "login.example.com");
        await SucceedsAsync(Blocks("nginx")[0], "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
            "-subj", "/CN=login.example.com", "-keyout", certificate + ".key", "-out", certificate + ".pem");
        foreach (var block in Blocks("nginx"))
        {
            var file = Path.Combine(folder.Path, "nginx.conf");
            var text = block.Text.Replace("/etc/ssl/", folder.Path + "/", StringComparison.Ordinal)
                .Replace("listen 443", $"listen {FreePort.Next()}", StringComparison.Ordinal);
            await File.WriteAllTextAsync(file, $"pid {folder.Path}/nginx.pid; error_log stderr; events {{}}\nhttp {{\n{text}\n}}\n");
            await SucceedsAsync(block, "nginx", "-t", "-p", folder.Path, "-c", file);
        }
    }

    private static List<DocumentBlock> Blocks(string language)
    {
        var blocks = DocumentBlock.All.Where(block => block.Language == language).ToList();
        blocks.ShouldNotBeEmpty();
        return blocks;
    }

    private static async Task SucceedsAsync(DocumentBlock block, string program, params string[] arguments)
    {
        var (code, output, errors) = await ExampleProgram.RunAsync(ExampleProgram.Start(program, arguments), "");
        code.ShouldBe(0, $"{block.Place}: {output}{errors}");
    }
}
