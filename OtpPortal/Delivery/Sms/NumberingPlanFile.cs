using System.Globalization;
using System.Reflection;

namespace OtpPortal.Delivery.Sms;

/// <summary>The parsed <c>numbering-plan.txt</c>. The file's header describes the format.</summary>
/// <param name="Regions">The regions, in the order of the file.</param>
/// <param name="Expensive">Prefixes of premium-rate numbers.</param>
/// <param name="Fictional">Prefixes of numbers that are never assigned.</param>
internal sealed record NumberingPlanFile(
    IReadOnlyList<NumberingPlanFile.Region> Regions, IReadOnlyList<string> Expensive, IReadOnlyList<string> Fictional)
{
    private const string Resource = "OtpPortal.NumberingPlan";

    public static NumberingPlanFile ReadEmbedded()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"The resource {Resource} is missing.");
        using var reader = new StreamReader(stream);
        return Parse(reader.ReadToEnd());
    }

    /// <exception cref="FormatException">A line is invalid; the message contains its number.</exception>
    public static NumberingPlanFile Parse(string text)
    {
        var regions = new List<Region>();
        var sections = new Dictionary<string, List<string>>(StringComparer.Ordinal) { ["[expensive]"] = [], ["[fictional]"] = [] };
        var section = "";
        foreach (var (number, line) in Lines(text))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words is [['[', .., ']'] name]) section = name;
            else if (section == "[regions]") regions.Add(Region.Parse(words) ?? throw Malformed(number, line));
            else if (sections.TryGetValue(section, out var prefixes) && words.All(IsDigits)) prefixes.AddRange(words);
            else throw Malformed(number, line);
        }
        return new NumberingPlanFile(regions, sections["[expensive]"], sections["[fictional]"]);
    }

    // Returns the lines without comments, with continuation lines joined.
    private static IEnumerable<(int Number, string Line)> Lines(string text)
    {
        (int Number, string Line) last = default;
        foreach (var (index, raw) in text.ReplaceLineEndings("\n").Split('\n').Index())
        {
            var line = raw.Split('#')[0].TrimEnd();
            if (line.Length == 0) continue;
            if (line[0] == ' ' && last.Number > 0)
            {
                last = (last.Number, last.Line + line);
                continue;
            }
            if (last.Number > 0) yield return last;
            last = (index + 1, line);
        }
        if (last.Number > 0) yield return last;
    }

    private static bool IsDigits(string word) => word.All(char.IsAsciiDigit);

    private static FormatException Malformed(int number, string line) => new($"Line {number} of the numbering plan is malformed: {line}");

    /// <param name="Plan">The region's own plan.</param>
    /// <param name="Prefixes">The prefixes of its numbers, including the calling code; empty for the region that has the rest
    /// of the calling code.</param>
    internal sealed record Region(NumberingPlan Plan, IReadOnlyList<string> Prefixes)
    {
        /// <summary>Parses a region. Returns null if the words are not a region.</summary>
        public static Region? Parse(string[] words)
        {
            if (words is not [{ Length: 2 } code, { Length: <= 3 } callingCode, var digits, var trunk, .. var prefixes]) return null;
            if (!code.All(char.IsAsciiLetterUpper) || !IsDigits(callingCode) || (trunk != "-" && !IsDigits(trunk))) return null;
            if (digits.Split('-') is not [var least, var most]) return null;
            if (Number(least) is not { } min || Number(most) is not { } max || min > max) return null;
            if (!prefixes.All(prefix => IsDigits(prefix) && IsWithin(callingCode, prefix))) return null;
            return new Region(new NumberingPlan(code, callingCode, min, max, trunk == "-" ? "" : trunk), prefixes);
        }

        private static bool IsWithin(string callingCode, string prefix) =>
            prefix.Length > callingCode.Length && prefix.StartsWith(callingCode, StringComparison.Ordinal);

        private static int? Number(string text) =>
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= 14 ? number : null;
    }
}
