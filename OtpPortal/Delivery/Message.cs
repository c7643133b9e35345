namespace OtpPortal.Delivery;

/// <summary>A message to one recipient. It may contain a code, so it is never logged.</summary>
public sealed record Message(string To, string Subject, string Text, string Html)
{
    /// <summary>Gets the code, for providers with templates of their own (WhatsApp).</summary>
    public string? Code { get; init; }

    /// <summary>Gets the recipient's name for mail, or an empty string. A single line without control characters.</summary>
    public string ToName { get; init; } = "";

    /// <summary>Gets the webhook's <c>otp</c> object; null sends the address and the code.</summary>
    public IReadOnlyDictionary<string, object?>? Otp { get; init; }

    /// <summary>Omits subject and text, because they contain the code.</summary>
    public override string ToString() => "Message";
}

/// <summary>A provider's response to a message.</summary>
public abstract record SendOutcome
{
    private SendOutcome() { }

    /// <summary>
    /// Gets whether the response concerns this recipient or message alone and shows that the provider works. Such responses
    /// never count toward the circuit breaker; otherwise a client could stop all mail with failing recipients. Always true for
    /// <see cref="Refused"/>.
    /// </summary>
    public bool IsAboutRecipient { get; init; }

    /// <summary>Returns the kind of outcome for statistics, and the reason for logs.</summary>
    internal (string Kind, string Reason) Describe() => this switch
    {
        Refused refused => ("refused", refused.Reason),
        Misconfigured misconfigured => ("misconfigured", misconfigured.Reason),
        Temporary temporary => ("temporary", temporary.Reason),
        _ => ("accepted", ""),
    };

    /// <summary>The provider accepted the message.</summary>
    public sealed record Accepted : SendOutcome;

    /// <summary>The provider permanently rejected the message. It is not retried.</summary>
    public sealed record Refused : SendOutcome
    {
        public Refused(string reason) => (Reason, IsAboutRecipient) = (reason, true);

        public string Reason { get; }

        public void Deconstruct(out string reason) => reason = Reason;
    }

    /// <summary>The provider rejects all messages until a setting is corrected. The message is not retried.</summary>
    public sealed record Misconfigured(string Reason) : SendOutcome;

    /// <summary>The provider may accept the message later.</summary>
    public sealed record Temporary(string Reason) : SendOutcome
    {
        /// <summary>Gets whether the provider responded.</summary>
        public bool Answered { get; init; }
    }
}

/// <summary>Sends messages through one provider.</summary>
public interface IMessageProvider
{
    /// <summary>Gets the provider's name in settings and logs.</summary>
    string Name { get; }

    /// <summary>Sends a message. Reports failures as outcomes; throws only if <paramref name="stop"/> is cancelled.</summary>
    Task<SendOutcome> SendAsync(Message message, CancellationToken stop);
}
