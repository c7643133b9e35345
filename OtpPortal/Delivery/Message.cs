namespace OtpPortal.Delivery;

/// <summary>A message to one person. It may hold a code, so it is never logged.</summary>
public sealed record Message(string To, string Subject, string Text, string Html)
{
    /// <summary>Gets the code alone, for providers that fill in a template of their own (WhatsApp).</summary>
    public string? Code { get; init; }

    /// <summary>Gets the recipient's name in a mail, or an empty string. One line without control characters.</summary>
    public string ToName { get; init; } = "";

    /// <summary>Gets what a webhook gets as <c>otp</c>; with null it gets the address and the code.</summary>
    public IReadOnlyDictionary<string, object?>? Otp { get; init; }

    /// <summary>Returns no content, because subject and text hold the code.</summary>
    public override string ToString() => "Message";
}

/// <summary>What a provider says about a message.</summary>
public abstract record SendOutcome
{
    private SendOutcome() { }

    /// <summary>
    /// Gets true when the answer is about this recipient or message and shows that the provider itself works. Such answers never count
    /// toward the circuit breaker; otherwise a client could stop all mail by naming recipients that fail. Always true for
    /// <see cref="Refused"/>.
    /// </summary>
    public bool IsAboutRecipient { get; init; }

    /// <summary>Returns the kind of outcome, as statistics count it, and the reason, which may be logged.</summary>
    internal (string Kind, string Reason) Describe() => this switch
    {
        Refused refused => ("refused", refused.Reason),
        Misconfigured misconfigured => ("misconfigured", misconfigured.Reason),
        Temporary temporary => ("temporary", temporary.Reason),
        _ => ("accepted", ""),
    };

    /// <summary>The provider took the message.</summary>
    public sealed record Accepted : SendOutcome;

    /// <summary>The provider will never take this message: it is not tried again.</summary>
    public sealed record Refused : SendOutcome
    {
        public Refused(string reason) => (Reason, IsAboutRecipient) = (reason, true);

        public string Reason { get; }

        public void Deconstruct(out string reason) => reason = Reason;
    }

    /// <summary>The provider takes no message until a setting is corrected: the message is not tried again.</summary>
    public sealed record Misconfigured(string Reason) : SendOutcome;

    /// <summary>The provider may take the message later.</summary>
    public sealed record Temporary(string Reason) : SendOutcome
    {
        /// <summary>Gets true when the provider answered.</summary>
        public bool Answered { get; init; }
    }
}

/// <summary>Sends messages by one provider.</summary>
public interface IMessageProvider
{
    /// <summary>Gets its name in settings and logs.</summary>
    string Name { get; }

    /// <summary>Hands one message over. Reports failures as outcomes; throws only when <paramref name="stop"/> is cancelled.</summary>
    Task<SendOutcome> SendAsync(Message message, CancellationToken stop);
}
