using StackExchange.Redis;

namespace OtpPortal.Sessions;

/// <summary>The stored data of a token.</summary>
/// <param name="CreatedAt">When the session was created.</param>
/// <param name="IssuedAt">When this token was issued.</param>
/// <param name="EndsAt">Absolute expiry of the session.</param>
/// <param name="Generation">Number of rotations before this token.</param>
/// <param name="ValidUntil">End of a rotated token's grace period; null for the current token.</param>
/// <param name="Successor">SHA-256 of a rotated token's successor; null for the current token.</param>
internal sealed record TokenRecord(
    string SessionId,
    string Email,
    DateTimeOffset CreatedAt,
    DateTimeOffset IssuedAt,
    DateTimeOffset EndsAt,
    int Generation,
    DateTimeOffset? ValidUntil = null,
    string? Successor = null)
{
    internal const string ValidUntilField = "dead";
    internal const string SuccessorField = "next";

    /// <summary>Parses a hash. Returns null if it does not hold a token.</summary>
    public static TokenRecord? Read(HashEntry[] entries)
    {
        string? sid = null, email = null, successor = null;
        DateTimeOffset created = default, issued = default, ends = default;
        DateTimeOffset? validUntil = null;
        var generation = 0;
        foreach (var entry in entries)
        {
            switch ((string?)entry.Name)
            {
                case "sid": sid = entry.Value; break;
                case "email": email = entry.Value; break;
                case "created": created = Instant(entry.Value); break;
                case "issued": issued = Instant(entry.Value); break;
                case "ends": ends = Instant(entry.Value); break;
                case "gen": generation = (int)entry.Value; break;
                case ValidUntilField: validUntil = Instant(entry.Value); break;
                case SuccessorField: successor = entry.Value; break;
                default: break;
            }
        }
        return sid is null || email is null ? null : new TokenRecord(sid, email, created, issued, ends, generation, validUntil, successor);
    }

    /// <summary>Returns the fields of a token that has not been rotated.</summary>
    public HashEntry[] ToHash() =>
    [
        new("sid", SessionId),
        new("email", Email),
        new("created", CreatedAt.ToUnixTimeMilliseconds()),
        new("issued", IssuedAt.ToUnixTimeMilliseconds()),
        new("ends", EndsAt.ToUnixTimeMilliseconds()),
        new("gen", Generation),
    ];

    /// <summary>Omits the address, so it cannot leak into logs.</summary>
    public override string ToString() => $"Token of session {SessionId}";

    private static DateTimeOffset Instant(RedisValue milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds((long)milliseconds);
}
