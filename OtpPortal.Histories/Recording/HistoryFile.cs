using System.Text.Json;
using System.Text.Json.Serialization;

namespace OtpPortal.Histories.Recording;

/// <summary>
/// A history as JSON lines: <c>{"run":…}</c> first, then <c>{"operation":…}</c> and <c>{"fault":…}</c> in the order in which
/// they ended.
/// </summary>
public static class HistoryFile
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter() },
    };

    /// <summary>Reads a file that <see cref="Recorder"/> wrote.</summary>
    /// <exception cref="InvalidDataException">The file does not start with the settings of a run.</exception>
    public static History Read(string path)
    {
        RunSettings? settings = null;
        var operations = new List<Operation>();
        var faults = new List<Fault>();
        foreach (var text in File.ReadLines(path))
        {
            var line = JsonSerializer.Deserialize<Line>(text, s_json)!;
            settings ??= line.Run;
            if (line.Operation is not null) operations.Add(line.Operation);
            if (line.Fault is not null) faults.Add(line.Fault);
        }
        return settings is null
            ? throw new InvalidDataException($"{path} must start with a line {{\"run\":…}}.")
            : new History(settings, operations, faults);
    }

    internal static string Write(RunSettings run) => Write(new Line(run, null, null));

    internal static string Write(Operation operation) => Write(new Line(null, operation, null));

    internal static string Write(Fault fault) => Write(new Line(null, null, fault));

    /// <summary>Returns an operation as it is in the file, for reports.</summary>
    public static string Describe(Operation operation) => JsonSerializer.Serialize(operation, s_json);

    private static string Write(Line line) => JsonSerializer.Serialize(line, s_json);

    private sealed record Line(RunSettings? Run, Operation? Operation, Fault? Fault);
}
