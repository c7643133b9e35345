using OtpPortal.Auditing;
using OtpPortal.Delivery.Sms;

namespace OtpPortal.Gateway;

/// <summary>Records events of verifications in the statistics, the audit log and the namespace's events.</summary>
public sealed class VerificationLog(VerificationEvents events, SmsGuard guard, Statistics statistics, AuditLog audit)
{
    public async Task VerifiedAsync(Namespace owner, Verification verified, TimeSpan sinceSent)
    {
        statistics.CountVerified(sinceSent);
        await guard.CountVerifiedAsync(verified.To);
        events.Closed(owner, verified);
    }

    public void Wrong(Namespace owner, Verification wrong, bool isLocked, string ip)
    {
        statistics.Count(StatisticsEvent.Wrong);
        events.Checked(owner, wrong);
        if (!isLocked) return;
        audit.Write(AuditEvent.Locked, wrong.To.Length > 0 ? wrong.To : null, ip, "gateway:" + owner.Name);
        events.Locked(owner, wrong);
    }
}
