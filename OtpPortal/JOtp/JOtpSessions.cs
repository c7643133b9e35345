using System.Net;
using System.Text.Json;
using OtpPortal.Auditing;
using OtpPortal.Delivery;
using OtpPortal.Gateway;
using OtpPortal.Limits;
using OtpPortal.OneTimeCodes;
using OtpPortal.Security;

namespace OtpPortal.JOtp;

/// <summary>What a caller asks for; every part was checked.</summary>
/// <param name="Text">With <c>$token</c>, and perhaps <c>$session</c>, to be filled in.</param>
public sealed record JOtpRequest(string Email, string Subject, string Text, TimeSpan Lifetime);

/// <summary>What became of the wish for a session.</summary>
public abstract record BeginJOtpOutcome
{
    private BeginJOtpOutcome() { }

    public sealed record Begun(string Session) : BeginJOtpOutcome;

    public sealed record Limited(TimeSpan Wait) : BeginJOtpOutcome;

    public sealed record NotSent : BeginJOtpOutcome;
}

/// <summary>jOTP's sessions over the portal's one-time codes: tries are limited, one success each, and only HMACs are stored.</summary>
public sealed class JOtpSessions(
    CodeStore codes, MailSender sender, GatewaySettings settings, SendLimits limits, Statistics statistics, AuditLog audit,
    TimeProvider time)
{
    private const string Realm = "jotp";

    /// <summary>Makes a token and mails it.</summary>
    /// <param name="limitKey">The client if it named no namespace: then the limits of unauthenticated clients apply.</param>
    public async Task<BeginJOtpOutcome> BeginAsync(JOtpRequest request, string ip, string? limitKey, CancellationToken stop)
    {
        if (await limits.TakeAsync(request.Email, ip, limitKey) is { } wait) return new BeginJOtpOutcome.Limited(wait);

        var session = RandomText.New(32);
        var token = CodeStore.NewCode(settings.CodeLength);
        var key = CodeStore.KeyOf(Realm, session);
        var terms = settings.Terms with { Lifetime = request.Lifetime, MaxSends = 1 };
        var record = await codes.BeginAsync(key, token, terms, JsonSerializer.SerializeToElement(new Payload(request.Email)));

        var text = request.Text.Replace("$token", token, StringComparison.Ordinal).Replace("$session", session, StringComparison.Ordinal);
        // The caller's text is text: in the HTML part nothing of it is markup.
        var html = "<!DOCTYPE html><html><body><p style=\"white-space:pre-wrap\">" + WebUtility.HtmlEncode(text) + "</p></body></html>";
        var message = new Message(request.Email, request.Subject, text, html) { Code = token };
        if (await sender.SendAsync(message, stop)) return new BeginJOtpOutcome.Begun(session);
        await codes.RemoveAsync(key, record);
        return new BeginJOtpOutcome.NotSent();
    }

    /// <summary>True for the right token, once.</summary>
    public async Task<bool> TryAsync(string session, string token, string ip)
    {
        switch (await codes.TryAsync(CodeStore.KeyOf(Realm, session), token))
        {
            case TryOutcome.Right(var record):
                statistics.CountVerified(time.GetUtcNow() - record.SentAt);
                return true;
            case TryOutcome.Wrong(var left, var record):
                statistics.Count(Happening.Wrong);
                if (left == 0) audit.Write(AuditEvent.Locked, record.Payload.Deserialize<Payload>()!.Email, ip, Realm);
                return false;
            default:
                return false;
        }
    }

    private sealed record Payload(string Email);
}
