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

/// <summary>How the last test message fared.</summary>
/// <param name="Provider">Its name.</param>
/// <param name="To">Masked.</param>
/// <param name="Outcome">accepted, refused, misconfigured, temporary or limited.</param>
/// <param name="Reason">In the provider's words, or the setting that holds it back; empty when it was accepted.</param>
public sealed record TestMessageResult(string Provider, string To, string Outcome, string Reason, DateTimeOffset SentAt);

/// <summary>
/// "Send me a test message": handed to one provider at once, once and without the queue's retries and those that take over, so that its own
/// words come back.
/// </summary>
/// <remarks>
/// Key layout in the token database: <c>admin:message:{SHA-256 of the administrator's session}</c>, the last result for ten minutes, so
/// that a reload shows it and sends nothing.
/// </remarks>
public sealed class TestMessage(
    Dispatcher dispatcher, SendLimits limits, Stores stores, AuditLog audit, PortalSettings portal,
    IStringLocalizer<Texts> texts, TimeProvider time)
{
    private static readonly TimeSpan s_kept = TimeSpan.FromMinutes(10);

    private IDatabase Database => stores.Auth.Database;

    /// <summary>Sends one, and keeps how it fared. Null when it was tried; else how long to wait, and nothing was sent.</summary>
    /// <param name="address">As the provider's <see cref="Provider.TryNormalize"/> gives it.</param>
    public async Task<TimeSpan?> SendAsync(Provider provider, string address, AdminSession pass, string limitKey)
    {
        // The limits of everybody: a stolen administrator's session is no way to flood a mailbox.
        if (await limits.TakeAsync(Recipients.Normalize(address), pass.Ip, limitKey) is { } wait) return wait;
        var (outcome, reason) = await dispatcher.TryOutAsync(provider, Compose(address), CancellationToken.None) switch
        {
            DispatchOutcome.Sent => ("accepted", ""),
            DispatchOutcome.Limited limited => ("limited", limited.Reason),
            DispatchOutcome.Failed failed => failed.Last.Describe(),
            _ => throw new UnreachableException(),
        };
        audit.WriteByAdmin(AuditEvent.TestMessage, address, pass.Ip, outcome, pass.By);
        var result = new TestMessageResult(provider.Name, MaskedAddress.Of(address), outcome, reason, time.GetUtcNow());
        await Database.StringSetAsync(KeyOf(pass), JsonSerializer.Serialize(result), s_kept);
        return null;
    }

    /// <summary>How this administrator's last one fared; null when there was none lately.</summary>
    public async Task<TestMessageResult?> LastAsync(AdminSession pass) =>
        (string?)await Database.StringGetAsync(KeyOf(pass)) is { } json ? JsonSerializer.Deserialize<TestMessageResult>(json) : null;

    private Message Compose(string to)
    {
        var subject = texts["TestMessageSubject", portal.AppName].Value;
        var text = texts["TestMessageText", portal.AppName, portal.Origin].Value;
        // A telephone number gets an SMS, which is text alone; WhatsApp carries a code or nothing.
        var html = to.StartsWith('+') ? ""
            : $"<!DOCTYPE html><html><head><meta charset=\"utf-8\"><meta name=\"color-scheme\" content=\"light "
                + $"dark\"></head><body><p>{WebUtility.HtmlEncode(text)}</p></body></html>";
        return new Message(to, subject, text, html) { Code = "000000" };
    }

    private static RedisKey KeyOf(AdminSession pass) => "admin:message:" + Digest.Of(pass.Visit);
}
