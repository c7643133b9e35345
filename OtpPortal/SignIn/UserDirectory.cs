using System.Collections.Frozen;
using System.Globalization;
using System.Text.Json;
using OtpPortal.Configuration;
using OtpPortal.Delivery;
using OtpPortal.Delivery.Sms;

namespace OtpPortal.SignIn;

/// <summary>The channel over which a code is sent.</summary>
public enum CodeChannel
{
    Email,
    Sms,
}

/// <summary>
/// The users who may sign in, and where each gets the code: USERS_FILE, <c>[{"mail":"…","phonenumber":"…"}]</c>. Read once at
/// startup. Other addresses see the same pages and get nothing.
/// </summary>
public sealed class UserDirectory
{
    /// <summary>
    /// The number in the sample file of sipgate's tutorial. It is too long to be assigned (E.164 allows 15 digits), and no
    /// message is ever sent to it. Users who sign in with it see the same pages as everyone else.
    /// </summary>
    public const string ReservedNumber = "+4912345678901234";

    private readonly FrozenDictionary<string, string?> _phones;

    private UserDirectory(FrozenDictionary<string, string?> phones, bool hasPhones) => (_phones, HasPhones) = (phones, hasPhones);

    /// <summary>Whether an SMS provider is configured and at least one user has a phone number.</summary>
    public bool HasPhones { get; }

    /// <summary>
    /// Returns the channel for a user: SMS if it was requested and the user has a number, else email. Null for an unknown
    /// address.
    /// </summary>
    /// <param name="email">The normalized address.</param>
    /// <param name="to">The number in E.164 format, or the address.</param>
    public CodeChannel? Find(string email, CodeChannel asked, out string to)
    {
        to = email;
        if (!_phones.TryGetValue(email, out var phone)) return null;
        if (asked != CodeChannel.Sms || phone is null) return CodeChannel.Email;
        to = phone;
        return CodeChannel.Sms;
    }

    internal static UserDirectory? Read(SettingsReader reader, SmsSettings sms)
    {
        if (reader.Text("USERS_FILE") is not { } name) return null;
        var path = Path.Combine(reader.RootDirectory, name);
        List<Entry?>? entries;
        try
        {
            entries = JsonSerializer.Deserialize<List<Entry?>>(File.ReadAllText(path), JsonSerializerOptions.Web);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            // Omits the parser's message, because it quotes the content of the file.
            var place = e is JsonException { LineNumber: { } line }
                ? string.Create(CultureInfo.InvariantCulture, $"is invalid at line {line + 1}")
                : "cannot be opened";
            reader.AddError($"USERS_FILE is {path}, which {place}. It must be a JSON file such as "
                + "[{\"mail\":\"ann@example.com\",\"phonenumber\":\"+491711234567\"}].");
            return null;
        }

        var phones = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (var (entry, number) in (entries ?? []).Select((entry, index) => (entry, index + 1)))
        {
            var where = string.Create(CultureInfo.InvariantCulture, $"USERS_FILE, entry {number}: ");
            if (!EmailAddress.TryParse(entry?.Mail, out var mail)) reader.AddError(where + "mail must be an email address.");
            else if (phones.ContainsKey(mail.Value)) reader.AddError(where + "mail must not be in the file twice.");
            else if (string.IsNullOrWhiteSpace(entry!.PhoneNumber)) phones[mail.Value] = null;
            else if (entry.PhoneNumber.Trim() == ReservedNumber) phones[mail.Value] = ReservedNumber;
            else if (PhoneNumber.TryParse(entry.PhoneNumber, sms.DefaultCountry, sms.AllowFictional, out var phone))
            {
                phones[mail.Value] = phone.Value;
            }
            else reader.AddError(
                where + "phonenumber must be a number such as +491711234567, or a national number of SMS_DEFAULT_COUNTRY.");
        }
        if (sms.Order.Count == 0 && phones.Values.Any(phone => phone is not null and not ReservedNumber))
        {
            reader.AddError("SMS_PROVIDERS is missing. USERS_FILE has phone numbers: "
                + "set the configured providers that send to them, or mailbox in Development.");
        }
        var hasPhones = sms.Order.Count > 0 && phones.Values.Any(phone => phone is not null);
        return new UserDirectory(phones.ToFrozenDictionary(StringComparer.Ordinal), hasPhones);
    }

    private sealed record Entry(string? Mail, string? PhoneNumber);
}
