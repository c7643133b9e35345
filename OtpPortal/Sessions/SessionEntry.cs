using System.Globalization;

namespace OtpPortal.Sessions;

/// <summary>An entry of <see cref="SessionIndex"/>.</summary>
/// <param name="Email">The address; null if the entry was read from an index without addresses.</param>
/// <param name="CreatedAt">When the session was created; null if the entry was read by last use.</param>
internal readonly record struct SessionEntry(string Sid, string? Email, DateTimeOffset? CreatedAt)
{
    private const int TimeLength = 11;

    /// <summary>Creation time and id in a form that sorts like the creation time: 11 hexadecimal digits and the id.</summary>
    public string? Position =>
        CreatedAt is { } created ? string.Create(CultureInfo.InvariantCulture, $"{created.ToUnixTimeMilliseconds():x11}{Sid}") : null;

    /// <summary>Returns whether a text has the form of <see cref="Position"/>.</summary>
    public static bool IsPosition(string text) =>
        text.Length > TimeLength && text[..TimeLength].All(char.IsAsciiHexDigitLower) && AuthToken.IsSessionId(text[TimeLength..]);

    /// <summary>Reads an entry by last use: the id alone.</summary>
    public static SessionEntry FromSid(string member) => new(member, Email: null, CreatedAt: null);

    /// <summary>Reads an entry by creation.</summary>
    public static SessionEntry FromPosition(string member) => FromPosition(member, email: null);

    /// <summary>Reads an entry by address: the address, NUL and the position.</summary>
    public static SessionEntry FromAddress(string member)
    {
        var end = member.IndexOf('\0', StringComparison.Ordinal);
        return FromPosition(member[(end + 1)..], member[..end]);
    }

    private static SessionEntry FromPosition(string position, string? email)
    {
        var created = long.Parse(position.AsSpan(0, TimeLength), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        return new SessionEntry(position[TimeLength..], email, DateTimeOffset.FromUnixTimeMilliseconds(created));
    }
}
