using System.Diagnostics;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Scripts;

/// <summary>Tests <c>./test.sh</c> with missing prerequisites and a fake apt-get.</summary>
public sealed class TestScriptTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task Prints_the_output_of_apt_when_it_fails()
    {
        var (code, output) = await RunAsync("""
            echo "$*" >>"$0.log"
            echo "E: Unable to locate package haproxy" >&2
            exit 100
            """);

        code.ShouldBe(1);
        output.ShouldContain("E: Unable to locate package haproxy");
        output.ShouldContain("Please install these programs, then run this again: ");
        output.TrimEnd().ShouldEndWith("0 passed, 1 failed");
    }

    [Fact]
    public async Task Retries_while_another_process_holds_the_apt_lock()
    {
        // The package list is locked on the first call. dpkg waits because of DPkg::Lock::Timeout.
        var (_, output) = await RunAsync("""
            echo "$*" >>"$0.log"
            [ -e "$0.called" ] && { echo "E: broken" >&2; exit 100; }
            : >"$0.called"
            echo "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt-get)" >&2
            exit 100
            """);

        var calls = await File.ReadAllLinesAsync(Path.Combine(_folder.Path, "apt-get.log"));
        calls.Length.ShouldBe(2);
        calls.ShouldAllBe(call => call.Contains("DPkg::Lock::Timeout=300", StringComparison.Ordinal));
        output.ShouldContain("E: broken");
        output.ShouldNotContain("Could not get lock");
    }

    public void Dispose() => _folder.Dispose();

    private async Task<(int Code, string Output)> RunAsync(string apt)
    {
        foreach (var program in (string[])["bash", "dirname", "id"])
            File.CreateSymbolicLink(Path.Combine(_folder.Path, program), "/usr/bin/" + program);
        Write("apt-get", apt);
        Write("sudo", "shift; exec \"$@\"");
        Write("sleep", "");
        var start = new ProcessStartInfo(Path.Combine(RepositoryRoot.Path, "test.sh"))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PATH"] = _folder.Path;
        using var script = Process.Start(start)!;
        var (output, errors) = (script.StandardOutput.ReadToEndAsync(), script.StandardError.ReadToEndAsync());
        await script.WaitForExitAsync();
        return (script.ExitCode, await errors + await output);
    }

    private void Write(string name, string text)
    {
        var path = Path.Combine(_folder.Path, name);
        File.WriteAllText(path, "#!/usr/bin/bash\n" + text + "\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
