using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Localization;
using OtpPortal.Delivery;
using OtpPortal.Journal;
using OtpPortal.Language;
using OtpPortal.Limits;
using OtpPortal.Storage;
using OtpPortal.Web;
using StackExchange.Redis;

namespace OtpPortal.Admin;

/// <summary>How the last test message fared.</summary>
/// <param name="To">Masked.</param>
/// <param name="Outcome">accepted, refused, misconfigured or temporary.</param>
/// <param name="Reason">In the provider's words; empty when it was accepted.</param>
public sealed record TestMessageResult(string To, string Outcome, string Reason, DateTimeOffset SentAt);

/// <summary>
/// "Send me a test message": handed to the provider at once, once and without the queue's retries, so that its own words come back.
/// </summary>
/// <remarks>Key layout in the token database: <c>admin:message:{SHA-256 of the administrator's session}</c>, the last result for ten minutes, so that a reload shows it and sends nothing.</remarks>
public sealed class TestMessage(
    IMessageProvider provider, RateLimiter limiter, LimitSettings limits, Stores stores, AuditLog audit, PortalSettings portal, IStringLocalizer<Texts> texts, TimeProvider time)
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_kept = TimeSpan.FromMinutes(10);

    private IDatabase Database => stores.Auth.Database;

    /// <summary>Sends one, and keeps how it fared. Null when it was tried; else how long to wait, and nothing was sent.</summary>
    public async Task<TimeSpan?> SendAsync(EmailAddress to, AdminPass pass, string limitKey)
    {
        // The limit of everybody: a stolen administrator's session is no way to flood a mailbox.
        if (await limiter.TakeAsync(limits.SendsPerIp, limitKey) is { } wait)
        {
            audit.WriteLimitHit(limits.SendsPerIp.Name, to.Value, pass.Ip);
            return wait;
        }
        var (outcome, reason) = await HandOverAsync(to.Value) switch
        {
            SendOutcome.Accepted => ("accepted", ""),
            SendOutcome.Refused refused => ("refused", refused.Reason),
            SendOutcome.Misconfigured misconfigured => ("misconfigured", misconfigured.Reason),
            SendOutcome.Temporary temporary => ("temporary", temporary.Reason),
            _ => ("temporary", ""),
        };
        audit.WriteByAdmin(AuditEvent.TestMessage, to.Value, pass.Ip, outcome, pass.By);
        var result = new TestMessageResult(to.Masked, outcome, reason, time.GetUtcNow());
        await Database.StringSetAsync(KeyOf(pass), JsonSerializer.Serialize(result), s_kept);
        return null;
    }

    /// <summary>How this administrator's last one fared; null when there was none lately.</summary>
    public async Task<TestMessageResult?> LastAsync(AdminPass pass) =>
        (string?)await Database.StringGetAsync(KeyOf(pass)) is { } json ? JsonSerializer.Deserialize<TestMessageResult>(json) : null;

    private async Task<SendOutcome> HandOverAsync(string to)
    {
        var subject = texts["TestMessageSubject", portal.AppName].Value;
        var text = texts["TestMessageText", portal.AppName, portal.Origin].Value;
        var html = $"<!DOCTYPE html><html><head><meta charset=\"utf-8\"><meta name=\"color-scheme\" content=\"light dark\"></head><body><p>{WebUtility.HtmlEncode(text)}</p></body></html>";
        using var timeout = new CancellationTokenSource(s_timeout, time);
        try
        {
            return await provider.SendAsync(new Message(to, subject, text, html), timeout.Token);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            return new SendOutcome.Temporary($"no answer within {s_timeout.TotalSeconds} s");
        }
    }

    private static RedisKey KeyOf(AdminPass pass) => "admin:message:" + Digest.Of(pass switch
    {
        AdminPass.ByKey key => key.Session,
        AdminPass.ByAddress user => user.SessionId,
        _ => throw new ArgumentOutOfRangeException(nameof(pass)),
    });
}
