using System.Buffers;
using System.Text;

namespace OtpPortal.Configuration;

/// <summary>
/// Reads a <c>.env</c> file: one <c>NAME=value</c> per line, <c>#</c> comments, optional <c>export</c>, single or double
/// quotes.
/// </summary>
/// <remarks>
/// Existing packages skip or guess at malformed lines; here a malformed line prevents startup, and the error contains its
/// number.
/// </remarks>
internal static class EnvFile
{
    /// <summary>The characters of a setting's name in capitals.</summary>
    public static readonly SearchValues<char> NameCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

    private static readonly SearchValues<char> s_plain =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.,:;/@*+=?&%~");

    /// <summary>Parses the text of a file. Adds an error with the line number for each malformed line.</summary>
    public static Dictionary<string, string?> Parse(string text, string fileName, ICollection<string> complaints)
    {
        var values = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        var lines = text.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i].Trim();
            if (i == 0) line = line.TrimStart('\uFEFF');
            if (line.Length == 0 || line[0] == '#') continue;
            if (line.StartsWith("export ", StringComparison.Ordinal)) line = line[7..].TrimStart();

            var equals = line.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? "" : line[..equals].TrimEnd();
            if (!IsName(name))
            {
                // The line itself is not shown, because it may contain a secret.
                complaints.Add($"{fileName}, line {i + 1}: expected NAME=value, with a name of letters, digits and underscores.");
            }
            else if (!TryReadValue(line[(equals + 1)..].Trim(), out var value))
            {
                complaints.Add(
                    $"{fileName}, line {i + 1}: the value of {name} must end with its closing quote, followed by nothing but a comment.");
            }
            else
            {
                values[name] = value;
            }
        }
        return values;
    }

    /// <summary>Returns a value as it is written into a file: in quotes if it would be read differently without.</summary>
    public static string Quote(string value)
    {
        if (value.Length > 0 && value.AsSpan().IndexOfAnyExcept(s_plain) < 0) return value;
        return value.Contains('\'', StringComparison.Ordinal)
            ? $"\"{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\""
            : $"'{value}'";
    }

    private static bool IsName(string name) =>
        name.Length > 0 && !char.IsAsciiDigit(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');

    private static bool TryReadValue(string raw, out string value)
    {
        value = raw;
        if (raw.Length == 0) return true;
        var quote = raw[0];
        if (quote is not ('"' or '\''))
        {
            var comment = raw.IndexOf(" #", StringComparison.Ordinal);
            value = comment < 0 ? raw : raw[..comment].TrimEnd();
            if (raw[0] == '#') value = "";
            return true;
        }

        var text = new StringBuilder();
        for (var i = 1; i < raw.Length; i++)
        {
            if (quote == '"' && raw[i] == '\\' && i + 1 < raw.Length)
            {
                text.Append(raw[++i] switch { 'n' => '\n', 't' => '\t', var c => c });
            }
            else if (raw[i] == quote)
            {
                value = text.ToString();
                var rest = raw[(i + 1)..].TrimStart();
                return rest.Length == 0 || rest[0] == '#';
            }
            else
            {
                text.Append(raw[i]);
            }
        }
        return false;
    }
}
