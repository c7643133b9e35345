using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using OtpPortal.Configuration;

namespace OtpPortal;

/// <summary>
/// <c>OtpPortal init [--file PATH] [--NAME=value …]</c>: asks five questions and writes a <c>.env</c> file with all settings. A setting
/// on the command line is not asked for; at the end of the input the defaults count. An existing file is never changed.
/// </summary>
internal sealed class InitCommand(TextReader input, TextWriter output, TextWriter errors)
{
    public const string Argument = "init";

    private const string Usage = "Usage: OtpPortal init [--file PATH] [--NAME=value ...], with the names of .env.sample";

    private static readonly Question[] s_questions =
    [
        new("PUBLIC_URL", "Which URL do users open?", "http://localhost:3000"),
        new("MAIL_TRANSPORT", "How are codes sent: postmark, smtp, or mailbox (a page that shows all codes to everyone)?", ""),
        new("POSTMARK_SERVER_TOKEN", "Postmark's server token:", "", IsAsked: answers => answers["MAIL_TRANSPORT"] == "postmark"),
        new("SMTP_HOST", "The SMTP server's host:", "", IsAsked: answers => answers["MAIL_TRANSPORT"] == "smtp"),
        new("SMTP_USERNAME", "The SMTP user (empty: none):", "", IsAsked: answers => answers["MAIL_TRANSPORT"] == "smtp"),
        new("SMTP_PASSWORD", "The SMTP password:", "", IsAsked: answers => answers.GetValueOrDefault("SMTP_USERNAME", "").Length > 0),
        new("MAIL_FROM", "Which address are codes sent from (empty: otp@ and the host of PUBLIC_URL)?", "",
            IsAsked: answers => answers["MAIL_TRANSPORT"] != "mailbox"),
        new("ADMIN_EMAILS", "Who administers the portal? Addresses, separated by commas (empty: only the secret key opens /admin):", ""),
        new("ALLOWED_EMAILS", "Who may sign in? Addresses or *@domain, separated by commas (empty: everyone):", ""),
    ];

    private readonly string[] _sample = ReadSample();

    /// <summary>Returns 0 if the file was written. Otherwise writes the reason and returns 1.</summary>
    public async Task<int> RunAsync(IReadOnlyList<string> args)
    {
        var file = Path.Combine(PortalSources.RootFolder(), ".env");
        var answers = new Dictionary<string, string>(StringComparer.Ordinal);
        var names = _sample.Select(NameOf).OfType<string>().ToHashSet(StringComparer.Ordinal);
        for (var i = 0; i < args.Count; i++)
        {
            var (name, value) = args[i].Split('=', 2) is [var before, var after] ? (before, after) : (args[i], null);
            if (value is null && i + 1 < args.Count) value = args[++i];
            if (value is null || !name.StartsWith("--", StringComparison.Ordinal)) return await FailAsync(Usage);
            if (name == "--file") file = Path.GetFullPath(value);
            else if (names.Contains(name[2..])) answers[name[2..]] = value;
            else return await FailAsync($"{name} is not a setting.", Usage);
        }
        if (File.Exists(file))
        {
            return await FailAsync($"{file} exists and was not changed. Move it away, or name another file with --file.");
        }

        answers.TryAdd("AUTH_SECRET_KEY", RandomNumberGenerator.GetHexString(64, lowercase: true));
        foreach (var question in s_questions.Where(question => !answers.ContainsKey(question.Name)))
        {
            if (question.IsAsked?.Invoke(answers) != false) await AskAsync(question, answers);
        }
        if (ErrorsOf(answers) is { Count: > 0 } problems) return await FailAsync([.. problems, "No file was written."]);
        try
        {
            await WriteAsync(file, answers);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return await FailAsync($"{file} cannot be written: {e.Message}");
        }
        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"""

            Wrote {file}, which only you can read.
            It has a new AUTH_SECRET_KEY. Keep a copy: everything that the portal stores depends on it.

            1. Start the portal: {Program}
            2. Open {answers["PUBLIC_URL"]}/admin and sign in with {(answers.GetValueOrDefault("ADMIN_EMAILS") is { Length: > 0 } admins
                ? admins
                : "the secret key")}.
            3. {answers["PUBLIC_URL"]}/admin/check says what is still missing.
            """));
        return 0;
    }

    /// <summary>How the portal is started, for instructions.</summary>
    internal static string Program =>
        Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) != "dotnet"
            ? path
            : "dotnet " + typeof(InitCommand).Assembly.GetName().Name + ".dll";

    // Repeats the question until the answer is valid. At the end of the input the default is the answer.
    private async Task AskAsync(Question question, Dictionary<string, string> answers)
    {
        while (true)
        {
            await output.WriteAsync($"{question.Text}{(question.Default.Length > 0 ? $" [{question.Default}]" : "")} ");
            var line = await input.ReadLineAsync();
            answers[question.Name] = line?.Trim() is { Length: > 0 } typed ? typed : question.Default;
            if (line is null)
            {
                await output.WriteLineAsync();
                return;
            }
            // Only the problems of this answer: what it requires is asked next.
            var problems = ErrorsOf(answers).Where(problem => problem.StartsWith(question.Name + " ", StringComparison.Ordinal)).ToList();
            if (problems.Count == 0) return;
            foreach (var problem in problems) await output.WriteLineAsync("  " + problem);
        }
    }

    // The portal's own checks, with the rules of Production.
    private static IReadOnlyList<string> ErrorsOf(IReadOnlyDictionary<string, string> answers)
    {
        var builder = PortalSources.CreateBuilder(Environments.Production, PortalSources.RootFolder());
        builder.Configuration.AddInMemoryCollection(answers.Select(answer => KeyValuePair.Create(answer.Key, (string?)answer.Value)));
        try
        {
            PortalApp.AddFeatures(builder);
            return [];
        }
        catch (SettingsException e)
        {
            return e.Errors;
        }
    }

    private async Task WriteAsync(string file, Dictionary<string, string> answers)
    {
        // CreateNew: a file that has appeared in the meantime is not overwritten.
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        await using var writer = new StreamWriter(file, options);
        foreach (var line in _sample)
        {
            var name = NameOf(line);
            if (name is not null && answers.TryGetValue(name, out var value) && value.Length > 0)
                await writer.WriteLineAsync($"{name}={EnvFile.Quote(value)}");
            else await writer.WriteLineAsync(name is null || line[0] == '#' ? line : "# " + line);
        }
    }

    private async Task<int> FailAsync(params IEnumerable<string> lines)
    {
        foreach (var line in lines) await errors.WriteLineAsync(line);
        return 1;
    }

    private static string? NameOf(string line)
    {
        var text = line.TrimStart('#', ' ');
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals > 0 && text.AsSpan(0, equals).IndexOfAnyExcept(EnvFile.NameCharacters) < 0 ? text[..equals] : null;
    }

    private static string[] ReadSample()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("OtpPortal.env.sample")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().TrimEnd().Split('\n').Select(line => line.TrimEnd('\r')).ToArray();
    }

    /// <param name="Default">The answer to an empty line.</param>
    /// <param name="IsAsked">Whether earlier answers call for the question; null asks always.</param>
    private sealed record Question(
        string Name, string Text, string Default, Func<IReadOnlyDictionary<string, string>, bool>? IsAsked = null);
}
