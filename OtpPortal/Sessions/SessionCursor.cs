using System.Globalization;

namespace OtpPortal.Sessions;

/// <summary>A position in the list of sessions, which is read shard by shard.</summary>
/// <param name="Shard">The shard to continue in; 0 in the list of one address.</param>
/// <param name="After">
/// Creation time and id of the last session before the position, as <see cref="SessionEntry.Position"/> writes them; empty at the
/// beginning of a shard.
/// </param>
internal sealed record SessionCursor(int Shard, string After)
{
    /// <summary>Returns the form that <see cref="TryParse"/> reads.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Shard}.{After}");

    /// <summary>Parses a cursor from a client.</summary>
    public static bool TryParse(string text, out SessionCursor? cursor)
    {
        cursor = text.Split('.') is [var shard, var after]
            && int.TryParse(shard, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < SessionIndex.Shards
            && (after.Length == 0 || SessionEntry.IsPosition(after))
                ? new SessionCursor(number, after)
                : null;
        return cursor is not null;
    }
}
