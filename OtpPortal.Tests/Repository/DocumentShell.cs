using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using OtpPortal.Tests.Client;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Repository;

/// <summary>
/// Runs the commands of one page in a folder of its own, with the programs that the tests have built. The ports 3000, 4000 and 8080
/// are replaced by free ones, and values of documented output by those of the real output. <c>$OUTPUT</c> is a file with the last output.
/// </summary>
internal sealed partial class DocumentShell : IDisposable
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(60);
    private readonly TemporaryFolder _tools = new();
    private readonly TemporaryFolder _folder = new();
    private readonly List<(Process Process, StringBuilder Log)> _servers = [];
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private readonly int _portal = FreePort.Next();
    private readonly int _app = FreePort.Next();
    private readonly int _proxy = FreePort.Next();

    public DocumentShell()
    {
        // Errors of HTTP are errors of the command.
        Tool("curl", $"exec {WhereIs("curl")} --fail-with-body \"$@\"");
        Tool("dotnet", $"""
            case "$1 $2 $3" in
              "run --project OtpPortal") shift 3 && [ "$*" = "" ] || shift && exec {WhereIs("dotnet")} {Portal} "$@" ;;
              "run --project examples/dotnet-app")
                exec {WhereIs("dotnet")} {ExampleProgram.Built("dotnet-app", "DotnetApp")} --PORTAL_URL http://localhost:{_portal} \
                  --urls http://localhost:{_app} ;;
              OtpPortal.dll*) shift && exec {WhereIs("dotnet")} {Portal} "$@" ;;
              *) exec {WhereIs("dotnet")} "$@" ;;
            esac
            """);
        // The newest code in the mailbox that has not been printed yet.
        Tool("mailbox-code", $$"""
            for _ in {1..300}; do
              newest=$(curl -s http://localhost:{{_portal}}/dev/mailbox.json | /usr/bin/python3 -c '
            import json, re, sys
            for message in json.load(sys.stdin)[:1]: print(message["sent_at"], re.search(r"\b\d{6}\b", message["text"]).group())')
              if [ "$newest" != "$(cat {{_tools.Path}}/newest 2>/dev/null)" ]; then
                echo "$newest" > {{_tools.Path}}/newest
                exec echo "${newest##* }"
              fi
              sleep 0.1
            done
            exit 1
            """);
        // The token of a new session of ann@example.com.
        Tool("mailbox-sign-in", $$"""
            jar={{_tools.Path}}/jar
            rm -f $jar
            curl -s -o /dev/null -c $jar -d email=ann@example.com http://localhost:{{_portal}}/login
            curl -s -o /dev/null -b $jar -c $jar -d code=$(mailbox-code) http://localhost:{{_portal}}/login-otp
            sed -nE 's/.*auth_token\s+(\S+)$/\1/p' $jar
            """);
        foreach (var file in Directory.EnumerateFiles(ExampleProgram.Folder, "*", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(RepositoryRoot.Path, file);
            if (name.Contains("/bin/", StringComparison.Ordinal) || name.Contains("/obj/", StringComparison.Ordinal)) continue;
            Write(name, File.ReadAllText(file));
        }
    }

    /// <summary>Gets what the last commands wrote to standard output.</summary>
    public string Output { get; private set; } = "";

    private static string Portal => Path.Combine(AppContext.BaseDirectory, "OtpPortal.dll");

    private string OutputFile => Path.Combine(_tools.Path, "output");

    private string State => Path.Combine(_tools.Path, "state");

    /// <summary>Runs commands one after the other. Functions and variables are kept for the next ones.</summary>
    public async Task RunAsync(string commands)
    {
        if (_servers.Count == 0 && commands.Contains("localhost:3000", StringComparison.Ordinal))
            await StartAsync("dotnet run --project OtpPortal");
        using var process = Process.Start(Bash($$"""
            set -a
            {{Replace(commands)}}
            set +a
            { declare -f; export -p; } > '{{State}}'
            """))!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        using var timeout = new CancellationTokenSource(s_timeout);
        try
        {
            await process.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"These commands do not end:\n{commands}");
        }
        Output = await output;
        await File.WriteAllTextAsync(OutputFile, Output);
        process.ExitCode.ShouldBe(0, $"{Replace(commands)}\n{Output}\n{await errors}");
    }

    /// <summary>Runs each line in a terminal of its own, and waits until its program accepts connections.</summary>
    public async Task StartAsync(string lines)
    {
        var commands = lines.Split('\n').Where(line => line.Trim() is [not '#', ..]).ToList();
        if (commands.Any(line => line.Contains("run --project OtpPortal", StringComparison.Ordinal))) StopServers();
        foreach (var command in commands)
        {
            var (process, log) = (new Process { StartInfo = Bash(Replace(command)) }, new StringBuilder());
            process.OutputDataReceived += (_, line) => { lock (log) log.AppendLine(line.Data); };
            process.ErrorDataReceived += (_, line) => { lock (log) log.AppendLine(line.Data); };
            process.Start();
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            _servers.Add((process, log));
            var port = command.Contains("--project OtpPortal", StringComparison.Ordinal) ? _portal
                : ProxyProgram().IsMatch(command) ? _proxy
                : _app;
            await Eventually.BeTrueAsync(() => process.HasExited || Accepts(port), $"{command} accepts connections");
            if (process.HasExited) lock (log) throw new InvalidOperationException($"{command} ended with {process.ExitCode}:\n{log}");
        }
    }

    /// <summary>Replaces a text of later commands with the output of a command.</summary>
    public async Task SetValueAsync(string text, string command)
    {
        var output = Output;
        await RunAsync(command);
        Output.Trim().ShouldNotBeEmpty(command);
        _values[text] = Output.Trim();
        Output = output;
        await File.WriteAllTextAsync(OutputFile, Output);
    }

    public void Write(string name, string text)
    {
        var path = Path.Combine(_folder.Path, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, Replace(text));
    }

    /// <summary>
    /// Compares the output with the documented one. JSON must have the same structure; its words and addresses must be the same, and its
    /// other texts are remembered for later commands. Of other output, numbers and random texts may differ.
    /// </summary>
    public void OutputShouldBe(string documented)
    {
        if (documented[0] is not ('{' or '['))
        {
            var lines = Output.Split('\n').Select(Stable).ToList();
            foreach (var line in documented.Trim().Split('\n')) lines.ShouldContain(Stable(line), Output);
            return;
        }
        var expected = Values(documented);
        var actual = Values(Output[JsonStart().Match(Output).Index..]);
        actual.Count.ShouldBe(expected.Count, Output);
        foreach (var (one, other) in expected.Zip(actual)) Compare(one, other, "$");
    }

    public void Dispose()
    {
        StopServers();
        _tools.Dispose();
        _folder.Dispose();
    }

    private static bool Accepts(int port)
    {
        try
        {
            using var client = new TcpClient();
            client.Connect("localhost", port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static string WhereIs(string program) =>
        Environment.GetEnvironmentVariable("PATH")!.Split(':').Select(folder => Path.Combine(folder, program)).First(File.Exists);

    private static string Stable(string line) => RandomText().Replace(line.Trim(), "#");

    private static List<JsonElement> Values(string text)
    {
        var values = new List<JsonElement>();
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(text), new JsonReaderOptions { AllowMultipleValues = true });
        while (reader.Read()) values.Add(JsonElement.ParseValue(ref reader));
        return values;
    }

    private void Compare(JsonElement expected, JsonElement actual, string place)
    {
        actual.ValueKind.ShouldBe(expected.ValueKind, $"{place} of {Output}");
        switch (expected.ValueKind)
        {
            case JsonValueKind.Object:
                actual.EnumerateObject().Select(property => property.Name)
                    .ShouldBe(expected.EnumerateObject().Select(property => property.Name), $"{place} of {Output}");
                foreach (var property in expected.EnumerateObject())
                    Compare(property.Value, actual.GetProperty(property.Name), $"{place}.{property.Name}");
                break;
            case JsonValueKind.Array:
                actual.GetArrayLength().ShouldBeGreaterThanOrEqualTo(expected.GetArrayLength(), $"{place} of {Output}");
                foreach (var (one, other) in expected.EnumerateArray().Zip(actual.EnumerateArray())) Compare(one, other, place + "[]");
                break;
            case JsonValueKind.String:
                var (text, real) = (expected.GetString()!, actual.GetString()!);
                if (StableText().IsMatch(text)) real.ShouldBe(text, $"{place} of {Output}");
                else if (text.Length > 0 && !text.Contains('…', StringComparison.Ordinal)) _values[text] = real;
                break;
        }
    }

    private string Replace(string text)
    {
        foreach (var (name, value) in _values.OrderByDescending(value => value.Key.Length))
            text = text.Replace(name, value, StringComparison.Ordinal);
        return Port().Replace(text, port => (port.Value switch { "3000" => _portal, "4000" => _app, _ => _proxy })
            .ToString(CultureInfo.InvariantCulture));
    }

    private ProcessStartInfo Bash(string commands)
    {
        var start = ExampleProgram.Start("bash", "-euo", "pipefail", "-c", $"[ ! -e '{State}' ] || . '{State}'\n{commands}");
        start.WorkingDirectory = _folder.Path;
        start.Environment["PATH"] = $"{_tools.Path}:{start.Environment["PATH"]}";
        start.Environment["HOME"] = start.Environment["XDG_DATA_HOME"] = start.Environment["XDG_CONFIG_HOME"] = _tools.Path;
        start.Environment["OUTPUT"] = OutputFile;
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Development";
        start.Environment["PORT"] = _portal.ToString(CultureInfo.InvariantCulture);
        start.Environment["DATA_DIR"] = Path.Combine(_folder.Path, "data");
        // The readers of a page sign in less often.
        start.Environment["LIMIT_SENDS_PER_ADDRESS"] = "100/900";
        return start;
    }

    private void Tool(string name, string script)
    {
        var path = Path.Combine(_tools.Path, name);
        File.WriteAllText(path, "#!/usr/bin/env bash\n" + script + "\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private void StopServers()
    {
        foreach (var (process, _) in _servers)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            process.Dispose();
        }
        _servers.Clear();
    }

    [GeneratedRegex(@"\b(3000|4000|8080)\b", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Port();

    [GeneratedRegex(@"^(caddy|nginx|haproxy) ", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex ProxyProgram();

    [GeneratedRegex(@"^[\[{]", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 1000)]
    private static partial Regex JsonStart();

    [GeneratedRegex(@"[0-9A-Za-z]{16,}|\d+", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex RandomText();

    [GeneratedRegex(@"^([A-Za-z ]{1,20}|\S+@example\.com|)$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex StableText();
}
