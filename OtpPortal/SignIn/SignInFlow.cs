using OtpPortal.Limits.Captcha;

namespace OtpPortal.SignIn;

/// <summary>Where a visitor is in signing in. It follows from the stored state alone.</summary>
public enum SignInStep
{
    /// <summary>The code is awaited.</summary>
    Code,

    /// <summary>The code was right, and the browser has not fetched its token yet.</summary>
    Verified,

    /// <summary>Every try was used up.</summary>
    Locked,

    /// <summary>The time is over, or the sign-in was completed.</summary>
    Ended,
}

/// <summary>What the code page tells about the message. It follows from time alone, never from the message's fate.</summary>
public enum MessageProgress
{
    OnItsWay,
    HandedOver,
}

/// <summary>One sign-in, as pages and endpoints see it. It holds nothing that could sign anybody in, so a page may carry it.</summary>
public sealed record SignInFlow(
    string Email,
    SignInStep Step,
    MessageProgress Message,
    int AttemptsLeft,
    bool HasWrongTry,
    bool MaySendAgain,
    DateTimeOffset ResendAt,
    DateTimeOffset Deadline,
    string? ReturnTo,
    CodeChannel Channel);

/// <summary>Who is at the other end.</summary>
/// <param name="Ip">For the session list.</param>
/// <param name="LimitKey">For limits: the IPv4 address or the IPv6 /64.</param>
/// <param name="UserAgent">For the session list; at most 400 characters.</param>
public sealed record Visitor(string Ip, string LimitKey, string UserAgent);

/// <summary>What became of the wish to sign in.</summary>
public abstract record BeginOutcome
{
    private BeginOutcome() { }

    /// <summary>The same whether or not the address may sign in.</summary>
    public sealed record Begun(string FlowId, TimeSpan ExpiresIn, TimeSpan ResendIn) : BeginOutcome;

    public sealed record InvalidAddress : BeginOutcome;

    /// <summary>Too many sends or failures; nothing was sent.</summary>
    public sealed record Limited(TimeSpan Wait) : BeginOutcome;

    /// <summary>
    /// First a proof that this is no program that writes to everybody: the captcha, or the ticket after the wait. Nothing was sent.
    /// </summary>
    public sealed record ProofNeeded(TimeSpan Wait, string Ticket, ProofLack Lack) : BeginOutcome;
}

/// <summary>What became of a typed code, or of a link.</summary>
public abstract record SubmitOutcome
{
    private SubmitOutcome() { }

    /// <summary>
    /// Right: exactly one caller is told so. The token is issued to the browser that began the sign-in. A circuit also gets the
    /// <paramref name="Ticket"/> that the browser trades in for it.
    /// </summary>
    public sealed record Verified(string Email, string? ReturnTo, string? Ticket) : SubmitOutcome
    {
        /// <summary>Leaves the ticket out, so that no log line can hold it.</summary>
        public override string ToString() => nameof(Verified);
    }

    public sealed record Wrong(int AttemptsLeft) : SubmitOutcome;

    /// <summary>It cannot be a code: nothing was compared, and no try was used.</summary>
    public sealed record Malformed : SubmitOutcome;

    public sealed record Locked : SubmitOutcome;

    public sealed record Expired : SubmitOutcome;

    /// <summary>A link that belongs to no sign-in of this browser: nothing was used up.</summary>
    public sealed record Elsewhere : SubmitOutcome;
}

/// <summary>What became of the wish for another code.</summary>
public abstract record SendAgainOutcome
{
    private SendAgainOutcome() { }

    public sealed record Sent(TimeSpan ExpiresIn, TimeSpan ResendIn) : SendAgainOutcome;

    /// <summary>Too soon, or past a limit.</summary>
    public sealed record Wait(TimeSpan For) : SendAgainOutcome;

    /// <summary>This sign-in has sent all it may: <paramref name="ExpiresIn"/> is when it ends.</summary>
    public sealed record NoneLeft(TimeSpan ExpiresIn) : SendAgainOutcome;

    public sealed record Expired : SendAgainOutcome;
}
