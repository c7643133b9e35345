using System.Globalization;

namespace OtpPortal.Histories.Running;

/// <summary>The arguments of a run.</summary>
/// <param name="Kind">embedded, redis, cluster or sentinel.</param>
/// <param name="Duration">10 to 86,400 seconds.</param>
/// <param name="Seed">Chooses the operations and the faults.</param>
/// <param name="IdleLifetime">AUTH_TOKEN_EXPIRY in seconds. With 120 or less, some sessions rest until they expire.</param>
/// <param name="Faults">The names of the faults that may happen; empty for all.</param>
/// <param name="Pace">Divides the length of the faults and the time between them. 1 to 20.</param>
/// <param name="PortalPath">The path of <c>OtpPortal.dll</c>.</param>
/// <param name="Folder">A directory for the history, the logs and the stores.</param>
public sealed record RunArguments(
    string Kind, int Duration, int Seed, double IdleLifetime, IReadOnlyList<string> Faults, int Pace, string PortalPath,
    string Folder)
{
    private static readonly string[] s_faults = ["kill", "restart", "pause", "stall", "refuse", "mute"];
    private static readonly string[] s_options = ["--expiry", "--faults", "--pace", "--portal", "--folder"];
    private static readonly string[] s_kinds = ["embedded", "redis", "cluster", "sentinel"];

    /// <summary>Gets the path of the history.</summary>
    public string HistoryPath => Path.Combine(Folder, "history.jsonl");

    /// <summary>Parses <c>[kind] [duration] [seed] [options]</c>, as <c>docs/reliability.md</c> describes them.</summary>
    /// <exception cref="ArgumentException">An argument is invalid.</exception>
    public static RunArguments Parse(IReadOnlyList<string> arguments)
    {
        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        var values = new List<string>();
        for (var i = 0; i < arguments.Count; i++)
        {
            if (!arguments[i].StartsWith("--", StringComparison.Ordinal)) values.Add(arguments[i]);
            else if (!s_options.Contains(arguments[i], StringComparer.Ordinal)) throw new ArgumentException($"Unknown: {arguments[i]}");
            else if (i + 1 == arguments.Count) throw new ArgumentException($"{arguments[i]} needs a value.");
            else options[arguments[i]] = arguments[++i];
        }
        if (values.Count > 3) throw new ArgumentException($"Too many arguments: {string.Join(' ', values)}");
        var kind = values.ElementAtOrDefault(0) ?? "redis";
        if (!s_kinds.Contains(kind, StringComparer.Ordinal))
            throw new ArgumentException($"The kind must be {string.Join(", ", s_kinds)}, but is \"{kind}\".");
        var faults = options.GetValueOrDefault("--faults", "").Split(',', StringSplitOptions.RemoveEmptyEntries);
        if (faults.Except(s_faults, StringComparer.Ordinal).FirstOrDefault() is { } unknown)
            throw new ArgumentException($"--faults must be of {string.Join(", ", s_faults)}, but has \"{unknown}\".");
        return new RunArguments(
            kind, Number("The duration", values.ElementAtOrDefault(1) ?? "60", 10, 86_400),
            Number("The seed", values.ElementAtOrDefault(2) ?? "1", 0, int.MaxValue),
            Number("--expiry", options.GetValueOrDefault("--expiry", "3600"), 5, 31_536_000), faults,
            Number("--pace", options.GetValueOrDefault("--pace", "1"), 1, 20),
            Path.GetFullPath(options.GetValueOrDefault("--portal", Path.Combine(AppContext.BaseDirectory, "OtpPortal.dll"))),
            Path.GetFullPath(options.GetValueOrDefault("--folder", Path.Combine("artifacts", "history"))));
    }

    private static int Number(string name, string text, int min, int max) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max
            ? number
            : throw new ArgumentException($"{name} must be between {min} and {max}, but is \"{text}\".");
}
