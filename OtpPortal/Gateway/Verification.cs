using System.Text.Json;
using OtpPortal.OneTimeCodes;

namespace OtpPortal.Gateway;

/// <summary>The current state of a namespace's verification.</summary>
/// <param name="To">The address; empty until the page has asked for it.</param>
/// <param name="Attempts">The count as in otpgateway: the first message plus all wrong codes. The id is locked when it exceeds
/// <paramref name="MaxAttempts"/>.</param>
/// <param name="Generate">Number of codes sent, including the first.</param>
/// <param name="Closed">Whether a correct code has been entered.</param>
/// <param name="Extra">The caller's JSON data.</param>
/// <param name="CodeLength">Length of the code in characters.</param>
/// <param name="CodeIsDigits">Whether the code consists of digits. Blanks and dashes in the typed code are then
/// ignored.</param>
/// <param name="SkipDelete">Keeps the record after the correct code until it expires.</param>
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
    /// <summary>The address as the namespace sent it, for responses. <see cref="To"/> is its normalized form.</summary>
    public string ToAsSent { get; init; } = To;

    /// <summary>Number of remaining attempts.</summary>
    public int AttemptsLeft => Math.Max(0, MaxAttempts + 1 - Attempts);
}

/// <summary>A validated request for a verification.</summary>
/// <param name="Id">6–200 printable characters.</param>
/// <param name="To">The normalized address; empty if the page asks for it.</param>
/// <param name="Code">The code to send, 3–32 printable characters; null generates one of <paramref name="CodeLength"/>
/// digits.</param>
/// <param name="Terms">1–3600 s; 1–20 attempts; 1–20 codes.</param>
/// <param name="Extra">JSON of at most 16 KB and 32 levels.</param>
public sealed record VerificationRequest(
    string Id,
    Delivery.Provider Provider,
    string To,
    string ChannelDescription,
    string AddressDescription,
    string? Code,
    int CodeLength,
    CodeOptions Terms,
    JsonElement Extra,
    bool SkipDelete)
{
    /// <summary>The address as the namespace sent it, for responses.</summary>
    public string ToAsSent { get; init; } = To;
}

/// <summary>The outcome of requesting a verification.</summary>
public abstract record PutOutcome
{
    private PutOutcome() { }

    /// <summary>The code is valid, and was sent unless the page still has to ask for the address.</summary>
    public sealed record Created(Verification Verification, string Code) : PutOutcome;

    /// <summary>The id has no attempts or no codes left until it expires.</summary>
    public sealed record Locked(Verification Verification) : PutOutcome;

    /// <summary>A limit rejected the message.</summary>
    public sealed record Limited(string Reason, TimeSpan Wait) : PutOutcome;

    /// <summary>No provider accepted the message.</summary>
    public sealed record NotSent : PutOutcome;
}

/// <summary>The outcome of checking a code.</summary>
public abstract record CheckOutcome
{
    private CheckOutcome() { }

    public sealed record Verified(Verification Verification) : CheckOutcome;

    public sealed record Wrong(Verification Verification) : CheckOutcome;

    public sealed record Locked(Verification Verification) : CheckOutcome;

    /// <summary>The verification had already succeeded. Even the correct code succeeds only once.</summary>
    public sealed record Closed(Verification Verification) : CheckOutcome;

    public sealed record Unknown : CheckOutcome;
}

/// <summary>The outcome of sending a message from the hosted page.</summary>
public abstract record PageSendOutcome
{
    private PageSendOutcome() { }

    public sealed record Sent : PageSendOutcome;

    public sealed record Wait(TimeSpan Span) : PageSendOutcome;

    public sealed record NoneLeft : PageSendOutcome;

    public sealed record InvalidAddress : PageSendOutcome;

    public sealed record NotSent : PageSendOutcome;

    /// <summary>The verification has ended or does not exist.</summary>
    public sealed record Ended : PageSendOutcome;
}
