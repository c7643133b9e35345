using System.Globalization;

namespace OtpPortal.Sessions;

/// <summary>A position in the list of sessions, which is sorted by creation.</summary>
/// <param name="Created">Creation time of the last session before the position, in Unix milliseconds.</param>
/// <param name="Sid">The id of that session.</param>
/// <param name="Skip">Number of sessions created in the same millisecond up to and including that session.</param>
internal sealed record SessionCursor(long Created, string Sid, int Skip)
{
    /// <summary>Returns whether this position comes after <paramref name="other"/>.</summary>
    public bool IsAfter(SessionCursor other) =>
        Created != other.Created ? Created > other.Created : string.CompareOrdinal(Sid, other.Sid) > 0;

    /// <summary>Returns the form that <see cref="TryParse"/> reads.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Created}.{Sid}.{Skip}");

    /// <summary>Parses a cursor from a client.</summary>
    public static bool TryParse(string text, out SessionCursor? cursor)
    {
        cursor = null;
        var parts = text.Split('.');
        // The limit on Skip bounds how much a forged cursor makes the store read.
        if (parts.Length != 3
            || !long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var created)
            || parts[1].Length != 24 || !parts[1].All(char.IsAsciiHexDigitLower)
            || !int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var skip) || skip > 10_000)
        {
            return false;
        }
        cursor = new SessionCursor(created, parts[1], skip);
        return true;
    }
}
