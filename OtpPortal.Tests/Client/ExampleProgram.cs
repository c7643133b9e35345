using System.Diagnostics;

namespace OtpPortal.Tests.Client;

/// <summary>Runs the programs of <c>examples/</c> as described in the documentation.</summary>
internal static class ExampleProgram
{
    public static string Folder { get; } = Path.Combine(Repository(), "examples");

    /// <summary>Returns the path of an example's assembly, built in the same configuration as the tests.</summary>
    public static string Built(string project, string assembly)
    {
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        return Path.Combine(Folder, project, "bin", output.Parent!.Name, output.Name, assembly + ".dll");
    }

    public static ProcessStartInfo Start(string program, params IEnumerable<string> arguments) => new(program, arguments)
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    };

    /// <summary>Runs the program until it exits.</summary>
    public static async Task<(int Code, string Output, string Errors)> RunAsync(ProcessStartInfo start, string input)
    {
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await errors);
    }

    private static string Repository()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "OtpPortal.sln"))) folder = folder.Parent!;
        return folder.FullName;
    }
}
