using System.Text.Json;
using OtpPortal.OneTimeCodes;

namespace OtpPortal.Gateway;

/// <summary>One verification that a namespace asked for, as it stands.</summary>
/// <param name="To">The address, or empty while its page has yet to ask for it.</param>
/// <param name="Attempts">What otpgateway counts: the sending and every wrong code. Past <paramref name="MaxAttempts"/> the id is
/// locked.</param>
/// <param name="Generate">Codes sent so far, the first one included.</param>
/// <param name="Closed">A right code was entered.</param>
/// <param name="Extra">The caller's own JSON.</param>
/// <param name="CodeLength">Characters of the code.</param>
/// <param name="CodeIsDigits">The code consists of digits: blanks and dashes in what is typed do not count.</param>
/// <param name="SkipDelete">The record stays after the right code, until its time is over.</param>
public sealed record Verification(
    string Namespace,
    string Id,
    string To,
    string Provider,
    string ChannelDescription,
    string AddressDescription,
    JsonElement Extra,
    int Attempts,
    int MaxAttempts,
    int Generate,
    int MaxGenerate,
    bool Closed,
    bool Locked,
    DateTimeOffset Deadline,
    DateTimeOffset ResendAt,
    int CodeLength,
    bool CodeIsDigits,
    bool SkipDelete)
{
    /// <summary>The address as the namespace sent it, for answers; <see cref="To"/> is its normalized form.</summary>
    public string ToAsSent { get; init; } = To;

    /// <summary>Tries that are left.</summary>
    public int AttemptsLeft => Math.Max(0, MaxAttempts + 1 - Attempts);
}

/// <summary>What a namespace asks for; every part was checked.</summary>
/// <param name="Id">6–200 printable characters.</param>
/// <param name="To">Normalized, or empty: the page asks for it.</param>
/// <param name="Code">The code to send, 3–32 printable characters; null makes one of <paramref name="CodeLength"/> digits.</param>
/// <param name="Terms">1–3600 s; 1–20 tries; 1–20 codes.</param>
/// <param name="Extra">JSON of at most 16 KB and 32 levels.</param>
public sealed record VerificationRequest(
    string Id,
    Delivery.Provider Provider,
    string To,
    string ChannelDescription,
    string AddressDescription,
    string? Code,
    int CodeLength,
    CodeTerms Terms,
    string Extra,
    bool SkipDelete)
{
    /// <summary>The address as it was sent, for answers.</summary>
    public string ToAsSent { get; init; } = To;
}

/// <summary>What became of the wish for a verification.</summary>
public abstract record PutOutcome
{
    private PutOutcome() { }

    /// <summary>The code counts, and was handed to a provider unless the address is still to be asked for.</summary>
    public sealed record Created(Verification Verification, string Code) : PutOutcome;

    /// <summary>No tries or no codes are left on this id before its time is over.</summary>
    public sealed record Locked(Verification Verification) : PutOutcome;

    /// <summary>A limit refuses the message.</summary>
    public sealed record Limited(string Reason, TimeSpan Wait) : PutOutcome;

    /// <summary>No provider took the message.</summary>
    public sealed record NotSent : PutOutcome;
}

/// <summary>What became of a code that was tried.</summary>
public abstract record CheckOutcome
{
    private CheckOutcome() { }

    public sealed record Verified(Verification Verification) : CheckOutcome;

    public sealed record Wrong(Verification Verification) : CheckOutcome;

    public sealed record Locked(Verification Verification) : CheckOutcome;

    /// <summary>Verified before: one success a record, also for the right code.</summary>
    public sealed record Closed(Verification Verification) : CheckOutcome;

    public sealed record Unknown : CheckOutcome;
}

/// <summary>What became of the wish to send (again) from the hosted page.</summary>
public abstract record PageSendOutcome
{
    private PageSendOutcome() { }

    public sealed record Sent : PageSendOutcome;

    public sealed record Wait(TimeSpan Span) : PageSendOutcome;

    public sealed record NoneLeft : PageSendOutcome;

    public sealed record InvalidAddress : PageSendOutcome;

    public sealed record NotSent : PageSendOutcome;

    /// <summary>The verification is over, or there is none.</summary>
    public sealed record Ended : PageSendOutcome;
}
