using System.Text.Json;
using System.Text.Json.Serialization;

namespace OtpPortal.OneTimeCodes;

/// <summary>The rules for the codes of one record.</summary>
/// <param name="Lifetime">Time from the first send to the deadline; resends do not extend it.</param>
/// <param name="MaxAttempts">Maximum number of attempts for all codes of the record together.</param>
/// <param name="MaxSends">Maximum number of codes, including the first.</param>
/// <param name="ResendCooldown">Minimum time between two sends.</param>
public sealed record CodeOptions(TimeSpan Lifetime, int MaxAttempts, int MaxSends, TimeSpan ResendCooldown);

/// <summary>The stored state of a request for a code. It never contains a code.</summary>
/// <param name="Deadline">The codes of the record are valid before this instant.</param>
/// <param name="AttemptsLeft">Remaining attempts for all codes of the record together.</param>
/// <param name="Sends">Codes sent so far.</param>
/// <param name="SentAt">When the last code was sent.</param>
/// <param name="IsOpen">False once a code has been verified: a record is verified at most once.</param>
/// <param name="Payload">Data of the feature that created the record.</param>
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
    /// <summary>The payload of a feature that stores no data.</summary>
    public static readonly JsonElement NoPayload = JsonElement.Parse("{}");

    /// <summary>Distinguishes this record from all others under the same key, past and future.</summary>
    [JsonInclude]
    internal string Nonce { get; init; } = "";

    [JsonInclude]
    internal IReadOnlyList<byte[]> Hashes { get; init; } = [];

    [JsonInclude]
    internal IReadOnlyList<byte[]> LinkHashes { get; init; } = [];

    /// <summary>The JSON that this record was read from. Changes are written only if the store still holds it.</summary>
    [JsonIgnore]
    internal byte[] Stored { get; init; } = [];

    public bool IsExpired(DateTimeOffset now) => now >= Deadline;

    /// <summary>Whether all attempts are used up without a correct one.</summary>
    [JsonIgnore]
    public bool IsLocked => IsOpen && AttemptsLeft <= 0;

    /// <summary>Whether a correct code would be accepted now.</summary>
    public bool IsLive(DateTimeOffset now) => IsOpen && AttemptsLeft > 0 && !IsExpired(now);

    [JsonIgnore]
    public DateTimeOffset ResendAt => SentAt + ResendCooldown;
}

/// <summary>The outcome of an attempt.</summary>
public abstract record TryOutcome
{
    private TryOutcome() { }

    /// <summary>The code was correct. Exactly one caller gets this outcome.</summary>
    public sealed record Right(CodeRecord Record) : TryOutcome;

    /// <summary>The code was wrong; <paramref name="AttemptsLeft"/> attempts remain.</summary>
    public sealed record Wrong(int AttemptsLeft, CodeRecord Record) : TryOutcome;

    /// <summary>No attempts were left.</summary>
    public sealed record Locked(CodeRecord Record) : TryOutcome;

    /// <summary>The deadline has passed, a code has already been verified, or there is no such record.</summary>
    public sealed record Expired(CodeRecord? Record) : TryOutcome;
}

/// <summary>The outcome of requesting another code.</summary>
public abstract record ResendOutcome
{
    private ResendOutcome() { }

    /// <summary>The new code is valid, in addition to the earlier ones.</summary>
    public sealed record Added(CodeRecord Record) : ResendOutcome;

    /// <summary>The resend cooldown has not passed yet.</summary>
    public sealed record CoolingDown(DateTimeOffset Until) : ResendOutcome;

    /// <summary>The record has reached its maximum number of codes.</summary>
    public sealed record NoSendsLeft : ResendOutcome;

    /// <summary>The record has expired, is locked, or has been verified.</summary>
    public sealed record Ended : ResendOutcome;
}
