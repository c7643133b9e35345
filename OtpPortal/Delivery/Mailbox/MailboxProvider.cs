using System.Text.Json.Serialization;

namespace OtpPortal.Delivery.Mailbox;

/// <summary>A message on the mailbox page.</summary>
public sealed record MailboxMessage(
    [property: JsonPropertyName("to")] string To,
    [property: JsonPropertyName("subject")] string Subject,
    [property: JsonPropertyName("text")] string Text,
    [property: JsonPropertyName("html")] string Html,
    [property: JsonPropertyName("sent_at")] DateTimeOffset SentAt)
{
    public override string ToString() => "Message";
}

/// <summary>
/// Keeps the last 100 messages in memory for <c>/dev/mailbox</c>. They are not stored in Redis, which never contains codes.
/// </summary>
public sealed class MailboxProvider(TimeProvider time) : IMessageProvider
{
    internal const string ProviderName = "mailbox";

    private const int Capacity = 100;
    private readonly Lock _lock = new();
    private readonly LinkedList<MailboxMessage> _messages = [];

    /// <summary>Raised after each message, on the sender's thread.</summary>
    public event Action? Changed;

    public string Name => ProviderName;

    /// <summary>Gets the messages, newest first.</summary>
    public IReadOnlyList<MailboxMessage> Messages
    {
        get
        {
            lock (_lock) return [.. _messages];
        }
    }

    public Task<SendOutcome> SendAsync(Message message, CancellationToken stop)
    {
        lock (_lock)
        {
            _messages.AddFirst(new MailboxMessage(message.To, message.Subject, message.Text, message.Html, time.GetUtcNow()));
            if (_messages.Count > Capacity) _messages.RemoveLast();
        }
        Changed?.Invoke();
        return Task.FromResult<SendOutcome>(new SendOutcome.Accepted());
    }
}
