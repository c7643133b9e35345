using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Localization;
using OtpPortal.Auditing;
using OtpPortal.Components.Localization;
using OtpPortal.Delivery;
using OtpPortal.Http;
using OtpPortal.Limits;
using OtpPortal.Security;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Admin;

/// <summary>The result of a test message.</summary>
/// <param name="Provider">The provider's name.</param>
/// <param name="To">The masked recipient.</param>
/// <param name="Outcome">accepted, refused, misconfigured, temporary or limited.</param>
/// <param name="Reason">The provider's message, or the setting that holds the test message back; empty if it was
/// accepted.</param>
public sealed record TestMessageResult(string Provider, string To, string Outcome, string Reason, DateTimeOffset SentAt);

/// <summary>
/// Sends a test message to one provider directly, without the queue, retries and fallbacks, so that the provider's own response
/// is shown.
/// </summary>
/// <remarks>
/// Key layout in the token database: <c>admin:message:{SHA-256 of the administrator's session}</c>, the last result for ten
/// minutes, so that a reload shows it without sending again.
/// </remarks>
public sealed class TestMessage(
    Dispatcher dispatcher, SendLimits limits, Stores stores, AuditLog audit, PortalSettings portal,
    IStringLocalizer<Texts> texts, TimeProvider time)
{
    private static readonly TimeSpan s_retention = TimeSpan.FromMinutes(10);

    private StoreDatabase Database => stores.Auth.Database;

    /// <summary>
    /// Sends a test message and stores the result. Returns null, or the time to wait if a limit prevents sending.
    /// </summary>
    /// <param name="address">The address as normalized by <see cref="Provider.TryNormalize"/>.</param>
    public async Task<TimeSpan?> SendAsync(Provider provider, string address, AdminSession pass, string limitKey)
    {
        // The general limits apply, so that a stolen administrator session cannot be used to flood a mailbox.
        if (await limits.TakeAsync(Recipients.Normalize(address), pass.Ip, limitKey) is { } wait) return wait;
        var (outcome, reason) = await dispatcher.TryProviderAsync(provider, Compose(address), CancellationToken.None) switch
        {
            DispatchOutcome.Sent => ("accepted", ""),
            DispatchOutcome.Limited limited => ("limited", limited.Reason),
            DispatchOutcome.Failed failed => failed.Last.Describe(),
            _ => throw new UnreachableException(),
        };
        audit.WriteByAdmin(AuditEvent.TestMessage, address, pass.Ip, outcome, pass.By);
        var result = new TestMessageResult(provider.Name, MaskedAddress.Of(address), outcome, reason, time.GetUtcNow());
        await Database.StringSetAsync(KeyOf(pass), JsonSerializer.Serialize(result), s_retention);
        return null;
    }

    /// <summary>Returns the result of this administrator's last test message, or null if there is no recent one.</summary>
    public async Task<TestMessageResult?> LastAsync(AdminSession pass) =>
        (string?)await Database.StringGetAsync(KeyOf(pass)) is { } json
            ? JsonSerializer.Deserialize<TestMessageResult>(json)
            : null;

    private Message Compose(string to)
    {
        var subject = texts["TestMessageSubject", portal.AppName].Value;
        var text = texts["TestMessageText", portal.AppName, portal.Origin].Value;
        // An SMS is plain text, and a WhatsApp message contains only a code, so a phone number needs no HTML.
        var html = to.StartsWith('+') ? ""
            : $"<!DOCTYPE html><html><head><meta charset=\"utf-8\"><meta name=\"color-scheme\" content=\"light "
                + $"dark\"></head><body><p>{WebUtility.HtmlEncode(text)}</p></body></html>";
        return new Message(to, subject, text, html) { Code = "000000" };
    }

    private static RedisKey KeyOf(AdminSession pass) => "admin:message:" + Digest.Of(pass.Visit);
}
