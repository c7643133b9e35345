using System.Diagnostics.Metrics;
using OtpPortal.Auditing;
using OtpPortal.Delivery.Sms;
using OtpPortal.OneTimeCodes;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.SignIn;

/// <summary>Records events of sign-ins in metrics, statistics and the audit log.</summary>
/// <remarks>Key layout, where K is the key of the code's record: <c>K:expired</c> = an expired code has been counted.</remarks>
public sealed class SignInEvents(
    Stores stores, CodeSettings settings, SmsGuard guard, Statistics statistics, AuditLog audit, TimeProvider time)
{
    private static readonly Meter s_meter = new("OtpPortal.SignIn");
    private static readonly Counter<long> s_events =
        s_meter.CreateCounter<long>("otpportal.sign_ins", "{event}", "Number of sign-ins by event.");

    public void Begun()
    {
        Measure("begun");
        statistics.Count(StatisticsEvent.Begun);
    }

    public void Wrong(string email, int attemptsLeft, string ip)
    {
        Measure("wrong");
        statistics.Count(StatisticsEvent.Wrong);
        audit.Write(
            attemptsLeft > 0 ? AuditEvent.SignInFailed : AuditEvent.Locked, email, ip,
            attemptsLeft > 0 ? "wrong_code" : "too_many_attempts");
    }

    public async Task VerifiedAsync(CodeRecord record, CodeRoute route)
    {
        Measure("verified");
        statistics.CountVerified(time.GetUtcNow() - (record.Deadline - settings.CodeExpiry));
        if (route.Used == CodeChannel.Sms) await guard.CountVerifiedAsync(route.To);
    }

    /// <summary>
    /// Records an expired code, once per sign-in: otherwise anyone could flood the log with expired codes or made-up ids.
    /// </summary>
    public async Task ExpiredAsync(string key, CodeRecord? record, string ip)
    {
        Measure("expired");
        if (record is not { IsOpen: true }
            || !await stores.Otp.Database.StringSetAsync(key + ":expired", "1", CodeStore.Retention, When.NotExists)) return;
        statistics.Count(StatisticsEvent.Expired);
        audit.Write(AuditEvent.SignInFailed, SignInPayload.Of(record).Email, ip, "expired");
    }

    public void Measure(string what) => s_events.Add(1, new KeyValuePair<string, object?>("event", what));
}
