using OtpPortal.Limits.Captcha;

namespace OtpPortal.SignIn;

/// <summary>The step of a sign-in. It depends on the stored state alone.</summary>
public enum SignInStep
{
    /// <summary>Waiting for the code.</summary>
    Code,

    /// <summary>The code has been verified, but the browser has not fetched its token yet.</summary>
    Verified,

    /// <summary>No attempts are left.</summary>
    Locked,

    /// <summary>The browser has fetched its token. The response that sets the cookie may still be in flight.</summary>
    Completed,

    /// <summary>The deadline has passed.</summary>
    Ended,
}

/// <summary>The delivery state that the code page shows. It depends on time alone, never on the actual delivery.</summary>
public enum MessageProgress
{
    OnItsWay,
    HandedOver,
}

/// <summary>The state of a sign-in for pages and endpoints. It contains no credentials, so a page may hold it.</summary>
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

/// <summary>The client of a request.</summary>
/// <param name="Ip">The IP address, for the session list.</param>
/// <param name="LimitKey">The subject of limits: the IPv4 address or the IPv6 /64.</param>
/// <param name="UserAgent">The User-Agent header, for the session list; at most 400 characters.</param>
public sealed record ClientInfo(string Ip, string LimitKey, string UserAgent);

/// <summary>The outcome of beginning a sign-in.</summary>
public abstract record BeginOutcome
{
    private BeginOutcome() { }

    /// <summary>The sign-in has begun. The outcome is the same whether or not the address may sign in.</summary>
    public sealed record Begun(string FlowId, TimeSpan ExpiresIn, TimeSpan ResendIn) : BeginOutcome;

    public sealed record InvalidAddress : BeginOutcome;

    /// <summary>Too many messages or failures; nothing was sent.</summary>
    public sealed record Limited(TimeSpan Wait) : BeginOutcome;

    /// <summary>
    /// The client must first prove that it is not a bot, by the captcha or the ticket after the wait. Nothing was sent.
    /// </summary>
    public sealed record ProofNeeded(TimeSpan Wait, string Ticket, ProofFailureReason Lack) : BeginOutcome;
}

/// <summary>The outcome of submitting a code or a link.</summary>
public abstract record SubmitOutcome
{
    private SubmitOutcome() { }

    /// <summary>
    /// The code was correct. Exactly one caller gets this outcome. The token is issued to the browser that began the sign-in. A
    /// circuit also gets the <paramref name="Ticket"/> that the browser redeems for it.
    /// </summary>
    public sealed record Verified(string Email, string? ReturnTo, string? Ticket) : SubmitOutcome
    {
        /// <summary>Omits the ticket, so it cannot leak into logs.</summary>
        public override string ToString() => nameof(Verified);
    }

    public sealed record Wrong(int AttemptsLeft) : SubmitOutcome;

    /// <summary>The text cannot be a code. It was not compared and used no attempt.</summary>
    public sealed record Malformed : SubmitOutcome;

    public sealed record Locked : SubmitOutcome;

    public sealed record Expired : SubmitOutcome;

    /// <summary>The link belongs to no sign-in of this browser. It remains valid.</summary>
    public sealed record CompletedElsewhere : SubmitOutcome;
}

/// <summary>The outcome of requesting another code.</summary>
public abstract record ResendCodeOutcome
{
    private ResendCodeOutcome() { }

    public sealed record Sent(TimeSpan ExpiresIn, TimeSpan ResendIn) : ResendCodeOutcome;

    /// <summary>The request was too soon or exceeds a limit.</summary>
    public sealed record Wait(TimeSpan For) : ResendCodeOutcome;

    /// <summary>This sign-in has sent its maximum number of codes. It expires after <paramref name="ExpiresIn"/>.</summary>
    public sealed record NoneLeft(TimeSpan ExpiresIn) : ResendCodeOutcome;

    public sealed record Expired : ResendCodeOutcome;
}
