using System.Net;
using System.Text.Json;
using OtpPortal.Auditing;
using OtpPortal.Delivery;
using OtpPortal.Gateway;
using OtpPortal.Limits;
using OtpPortal.OneTimeCodes;
using OtpPortal.Security;

namespace OtpPortal.JOtp;

/// <summary>A validated request for a session.</summary>
/// <param name="Text">The text, with the placeholder <c>$token</c> and optionally <c>$session</c>.</param>
public sealed record JOtpRequest(string Email, string Subject, string Text, TimeSpan Lifetime);

/// <summary>The outcome of requesting a session.</summary>
public abstract record BeginJOtpOutcome
{
    private BeginJOtpOutcome() { }

    public sealed record Begun(string Session) : BeginJOtpOutcome;

    public sealed record Limited(TimeSpan Wait) : BeginJOtpOutcome;

    public sealed record NotSent : BeginJOtpOutcome;
}

/// <summary>
/// Implements jOTP's sessions with the portal's one-time codes: attempts are limited, each session succeeds at most once, and
/// only HMACs are stored.
/// </summary>
public sealed class JOtpSessions(
    CodeStore codes, MailSender sender, GatewaySettings settings, SendLimits limits, Statistics statistics, AuditLog audit,
    TimeProvider time)
{
    private const string Realm = "jotp";

    /// <summary>Creates a token and sends it by email.</summary>
    /// <param name="limitKey">The client if it is not an authenticated namespace; the limits for unauthenticated clients then
    /// apply.</param>
    public async Task<BeginJOtpOutcome> BeginAsync(JOtpRequest request, string ip, string? limitKey, CancellationToken stop)
    {
        if (await limits.TakeAsync(request.Email, ip, limitKey) is { } wait) return new BeginJOtpOutcome.Limited(wait);

        var session = RandomText.New(32);
        var token = CodeStore.NewCode(settings.CodeLength);
        var key = CodeStore.KeyOf(Realm, session);
        var terms = settings.Terms with { Lifetime = request.Lifetime, MaxSends = 1 };
        var record = await codes.BeginAsync(key, token, terms, JsonSerializer.SerializeToElement(new Payload(request.Email)));

        var text = request.Text.Replace("$token", token, StringComparison.Ordinal).Replace("$session", session, StringComparison.Ordinal);
        // The caller's text is encoded, so it cannot inject markup into the HTML part.
        var html = "<!DOCTYPE html><html><body><p style=\"white-space:pre-wrap\">" + WebUtility.HtmlEncode(text) + "</p></body></html>";
        var message = new Message(request.Email, request.Subject, text, html) { Code = token };
        if (await sender.SendAsync(message, stop)) return new BeginJOtpOutcome.Begun(session);
        await codes.RemoveAsync(key, record);
        return new BeginJOtpOutcome.NotSent();
    }

    /// <summary>Verifies a token. Returns true at most once per session.</summary>
    public async Task<bool> TryAsync(string session, string token, string ip)
    {
        switch (await codes.TryAsync(CodeStore.KeyOf(Realm, session), token))
        {
            case TryOutcome.Right(var record):
                statistics.CountVerified(time.GetUtcNow() - record.SentAt);
                return true;
            case TryOutcome.Wrong(var left, var record):
                statistics.Count(StatisticsEvent.Wrong);
                if (left == 0) audit.Write(AuditEvent.Locked, record.Payload.Deserialize<Payload>()!.Email, ip, Realm);
                return false;
            default:
                return false;
        }
    }

    private sealed record Payload(string Email);
}
