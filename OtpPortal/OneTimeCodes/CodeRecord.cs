using System.Text.Json;
using System.Text.Json.Serialization;

namespace OtpPortal.OneTimeCodes;

/// <summary>The rules of one request for a code.</summary>
/// <param name="Lifetime">From the first send to the deadline that no resend moves.</param>
/// <param name="MaxAttempts">Tries for all codes of the record together.</param>
/// <param name="MaxSends">Codes that may be sent in all, the first one included.</param>
/// <param name="ResendCooldown">The least time between two sends.</param>
public sealed record CodeTerms(TimeSpan Lifetime, int MaxAttempts, int MaxSends, TimeSpan ResendCooldown);

/// <summary>What the store knows of one request for a code: never a code.</summary>
/// <param name="Deadline">From this instant on no code of the record is good.</param>
/// <param name="AttemptsLeft">Tries left for all its codes together.</param>
/// <param name="Sends">Codes sent so far.</param>
/// <param name="SentAt">When the last one was sent.</param>
/// <param name="IsOpen">False once a right code was taken: there is one success per record.</param>
/// <param name="Payload">What the feature that created the record keeps with it.</param>
public sealed record CodeRecord(
    DateTimeOffset Deadline,
    int MaxAttempts,
    int AttemptsLeft,
    int MaxSends,
    int Sends,
    DateTimeOffset SentAt,
    TimeSpan ResendCooldown,
    bool IsOpen,
    JsonElement Payload)
{
    /// <summary>The payload of a feature that keeps nothing.</summary>
    public static readonly JsonElement NoPayload = JsonElement.Parse("{}");

    /// <summary>Tells this record from every other that has been or will be under the same key.</summary>
    [JsonInclude]
    internal string Nonce { get; init; } = "";

    [JsonInclude]
    internal IReadOnlyList<byte[]> Hashes { get; init; } = [];

    [JsonInclude]
    internal IReadOnlyList<byte[]> LinkHashes { get; init; } = [];

    /// <summary>The text that the store holds: a change is written only while it holds the same.</summary>
    [JsonIgnore]
    internal string Stored { get; init; } = "";

    public bool IsExpired(DateTimeOffset now) => now >= Deadline;

    /// <summary>No try is left, and none was right.</summary>
    [JsonIgnore]
    public bool IsLocked => IsOpen && AttemptsLeft <= 0;

    /// <summary>A right code would be taken now.</summary>
    public bool IsLive(DateTimeOffset now) => IsOpen && AttemptsLeft > 0 && !IsExpired(now);

    [JsonIgnore]
    public DateTimeOffset ResendAt => SentAt + ResendCooldown;
}

/// <summary>What became of one try.</summary>
public abstract record TryOutcome
{
    private TryOutcome() { }

    /// <summary>The code was right, and this caller is the only one that is told so.</summary>
    public sealed record Right(CodeRecord Record) : TryOutcome;

    /// <summary>The code was wrong; <paramref name="AttemptsLeft"/> more may be tried.</summary>
    public sealed record Wrong(int AttemptsLeft, CodeRecord Record) : TryOutcome;

    /// <summary>All tries were used up before this one.</summary>
    public sealed record Locked(CodeRecord Record) : TryOutcome;

    /// <summary>The deadline is over, a right code was taken already, or there is no such record.</summary>
    public sealed record Expired(CodeRecord? Record) : TryOutcome;
}

/// <summary>What became of the wish for another code.</summary>
public abstract record ResendOutcome
{
    private ResendOutcome() { }

    /// <summary>A new code counts now, beside the earlier ones.</summary>
    public sealed record Added(CodeRecord Record) : ResendOutcome;

    /// <summary>Too soon.</summary>
    public sealed record CoolingDown(DateTimeOffset Until) : ResendOutcome;

    /// <summary>No further code may be sent in this record.</summary>
    public sealed record NoSendsLeft : ResendOutcome;

    /// <summary>The record can no longer be verified.</summary>
    public sealed record Ended : ResendOutcome;
}
