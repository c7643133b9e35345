namespace OtpPortal.Delivery;

/// <summary>A message to one person. It may hold a code: it is never logged.</summary>
public sealed record Message(string To, string Subject, string Text, string Html)
{
    /// <summary>The code alone, for providers that fill a template of their own (WhatsApp).</summary>
    public string? Code { get; init; }

    /// <summary>Whom a mail names beside its address; empty for nobody. One line without control characters.</summary>
    public string ToName { get; init; } = "";

    /// <summary>What a webhook is told of the code under <c>otp</c>; null tells it the address and the code.</summary>
    public IReadOnlyDictionary<string, object?>? Otp { get; init; }

    /// <summary>Leaves everything out, because subject and text hold the code.</summary>
    public override string ToString() => "Message";
}

/// <summary>What a provider says of a message.</summary>
public abstract record SendOutcome
{
    private SendOutcome() { }

    /// <summary>
    /// True when the answer is about this recipient or message and shows that the provider itself works: it never counts toward the circuit
    /// breaker, or anybody could stop all mail by naming recipients that fail. Always true for <see cref="Refused"/>.
    /// </summary>
    public bool IsAboutRecipient { get; init; }

    /// <summary>The provider took it.</summary>
    public sealed record Accepted : SendOutcome;

    /// <summary>The provider will never take this message: it is not tried again.</summary>
    public sealed record Refused : SendOutcome
    {
        public Refused(string reason) => (Reason, IsAboutRecipient) = (reason, true);

        public string Reason { get; }

        public void Deconstruct(out string reason) => reason = Reason;
    }

    /// <summary>The provider will take no message until a setting is put right: it is not tried again.</summary>
    public sealed record Misconfigured(string Reason) : SendOutcome;

    /// <summary>It may work later.</summary>
    public sealed record Temporary(string Reason) : SendOutcome
    {
        /// <summary>The provider was reached and answered.</summary>
        public bool Answered { get; init; }
    }
}

/// <summary>A way to send messages.</summary>
public interface IMessageProvider
{
    /// <summary>Its name in settings and logs.</summary>
    string Name { get; }

    /// <summary>Hands one message over. Reports failures as outcomes; throws only when <paramref name="stop"/> is cancelled.</summary>
    Task<SendOutcome> SendAsync(Message message, CancellationToken stop);
}
