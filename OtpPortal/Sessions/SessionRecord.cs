using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using StackExchange.Redis;

namespace OtpPortal.Sessions;

/// <summary>The stored data of a session: a hash with short names and values, which Redis stores compactly.</summary>
/// <param name="UserAgent"><see cref="UserAgents.DigestOf"/> of the user agent.</param>
/// <param name="SeenAt">The last use that was stored, which is at most one step behind the last use.</param>
/// <param name="Seed">128 random bits, from which the tokens are derived.</param>
/// <param name="Tokens">The tokens by generation, oldest first. Never empty.</param>
internal sealed record SessionRecord(
    string Email,
    DateTimeOffset CreatedAt,
    DateTimeOffset SeenAt,
    string Ip,
    byte[] UserAgent,
    byte[] Seed,
    IReadOnlyList<TokenGeneration> Tokens)
{
    internal const string EmailField = "email";
    internal const string SeenField = "seen";

    /// <summary>The token that has not been rotated.</summary>
    public TokenGeneration Current => Tokens[^1];

    /// <summary>
    /// Parses a hash. Returns null if it does not hold a session: a late write after a revocation leaves a hash without an address.
    /// </summary>
    public static SessionRecord? Read(HashEntry[] entries)
    {
        string? email = null;
        var ip = "";
        byte[] userAgent = [], seed = [];
        DateTimeOffset created = default, seen = default;
        var tokens = new List<TokenGeneration>(2);
        foreach (var entry in entries)
        {
            // Bytes, because a check would allocate a string for each field.
            ReadOnlySpan<byte> name = (byte[])entry.Name!;
            switch (name)
            {
                case [(byte)'g', .. var number]:
                    if (TokenGeneration.Read(number, entry.Value) is { } token) tokens.Add(token);
                    break;
                case var _ when name.SequenceEqual("email"u8): email = entry.Value; break;
                case var _ when name.SequenceEqual("ip"u8): ip = (string?)entry.Value ?? ""; break;
                case var _ when name.SequenceEqual("seed"u8): seed = (byte[])entry.Value!; break;
                case var _ when name.SequenceEqual("ua"u8): userAgent = (byte[])entry.Value!; break;
                case var _ when name.SequenceEqual("at"u8): created = Instant(entry.Value); break;
                case var _ when name.SequenceEqual("seen"u8): seen = Instant(entry.Value); break;
            }
        }
        if (email is null || tokens.Count == 0) return null;
        tokens.Sort((a, b) => a.Number.CompareTo(b.Number));
        return new SessionRecord(email, created, seen, ip, userAgent, seed, tokens);
    }

    /// <summary>Returns the fields of a new session.</summary>
    public HashEntry[] ToHash() =>
    [
        new(EmailField, Email),
        new("at", CreatedAt.ToUnixTimeMilliseconds()),
        new(SeenField, SeenAt.ToUnixTimeMilliseconds()),
        new("ip", Ip),
        new("ua", UserAgent),
        new("seed", Seed),
        .. Tokens.Select(token => token.ToEntry()),
    ];

    /// <summary>Finds the generation of a token by its digest. Returns null if the token is not one of this session's.</summary>
    public TokenGeneration? Find(byte[] digest)
    {
        for (var i = Tokens.Count - 1; i >= 0; i--)
        {
            if (Tokens[i].Has(digest)) return Tokens[i];
        }
        return null;
    }

    /// <summary>
    /// Returns the generation that replaced a token, or null for the current one. It is not always the next number: a process
    /// that was suspended can store a generation that has been removed since.
    /// </summary>
    public TokenGeneration? SuccessorOf(TokenGeneration token)
    {
        foreach (var other in Tokens)
        {
            if (other.Number > token.Number) return other;
        }
        return null;
    }

    /// <summary>Finds a generation by its number.</summary>
    public TokenGeneration? Find(int number)
    {
        foreach (var token in Tokens)
        {
            if (token.Number == number) return token;
        }
        return null;
    }

    /// <summary>Omits the address, so it cannot leak into logs.</summary>
    public override string ToString() => "Session";

    private static DateTimeOffset Instant(RedisValue milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds((long)milliseconds);
}

/// <summary>A token of a session: the field <c>g{number}</c>, which is written once.</summary>
/// <param name="Number">Number of rotations before this token.</param>
/// <param name="IssuedAt">When it was issued, which is also when the grace period of its predecessor began.</param>
/// <param name="Digest"><see cref="AuthToken.DigestOf"/> of the token.</param>
internal sealed record TokenGeneration(int Number, DateTimeOffset IssuedAt, byte[] Digest)
{
    private const int DigestLength = 16;

    public string Field => NameOf(Number);

    public static string NameOf(int number) => string.Create(CultureInfo.InvariantCulture, $"g{number}");

    /// <summary>Parses a field, given the part of its name after the <c>g</c>. Returns null if it does not hold a token.</summary>
    public static TokenGeneration? Read(ReadOnlySpan<byte> number, RedisValue value) =>
        int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var generation)
        && (byte[]?)value is { Length: 8 + DigestLength } bytes
            ? new TokenGeneration(
                generation, DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64BigEndian(bytes)), bytes[8..])
            : null;

    public HashEntry ToEntry()
    {
        var value = new byte[8 + DigestLength];
        BinaryPrimitives.WriteInt64BigEndian(value, IssuedAt.ToUnixTimeMilliseconds());
        Digest.CopyTo(value, 8);
        return new HashEntry(Field, value);
    }

    public bool Has(byte[] digest) => CryptographicOperations.FixedTimeEquals(Digest, digest);
}
