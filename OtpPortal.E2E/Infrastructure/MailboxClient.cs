using System.Net.Http.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace OtpPortal.E2E.Infrastructure;

/// <summary>A message in the mailbox.</summary>
public sealed partial record Mail(
    [property: JsonPropertyName("to")] string To,
    [property: JsonPropertyName("subject")] string Subject,
    [property: JsonPropertyName("text")] string Text,
    [property: JsonPropertyName("html")] string Html)
{
    public string Code => Digits().Match(Subject).Value;

    /// <summary>Gets the sign-in link.</summary>
    public string Link => Address().Match(Text).Value;

    [GeneratedRegex(@"\S+/login/link\?\S+", RegexOptions.None, 1000)]
    private static partial Regex Address();

    [GeneratedRegex("[0-9]{6,}", RegexOptions.None, 1000)]
    private static partial Regex Digits();
}

/// <summary>Reads the development mailbox, <c>/dev/mailbox.json</c>.</summary>
public sealed class MailboxClient(HttpClient http)
{
    /// <summary>Returns the messages to an address, oldest first.</summary>
    public async Task<IReadOnlyList<Mail>> ToAsync(string address)
    {
        var all = await http.GetFromJsonAsync<List<Mail>>("/dev/mailbox.json");
        return [.. all!.Where(mail => mail.To == address).Reverse()];
    }

    /// <summary>Waits for the n-th message to the address and returns its code.</summary>
    public async Task<string> CodeAsync(string address, int message = 1) => (await MailAsync(address, message)).Code;

    public Task<Mail> MailAsync(string address, int message = 1) =>
        Until.NotNullAsync($"mail {message} to {address}", async () => (await ToAsync(address)).ElementAtOrDefault(message - 1));
}
