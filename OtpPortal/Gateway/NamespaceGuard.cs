using System.Net.Http.Headers;
using System.Text;
using OtpPortal.Auditing;
using OtpPortal.Limits;
using OtpPortal.Http;

namespace OtpPortal.Gateway;

/// <summary>Whether a request comes from a namespace.</summary>
public abstract record Admission
{
    private Admission() { }

    public sealed record Admitted(Namespace Owner) : Admission;

    /// <summary>The credentials are missing, malformed or wrong.</summary>
    public sealed record Refused(string Message) : Admission;

    /// <summary>Too many wrong ones from this client: not even a right one counts before the wait is over.</summary>
    public sealed record Limited(TimeSpan Wait) : Admission;

    /// <summary>Too many requests of this namespace. When to come back is in the answer's headers already.</summary>
    public sealed record OverQuota : Admission;
}

/// <summary>
/// Reads a namespace's name and secret from HTTP Basic (RFC 7617), keeps clients from guessing them, and namespaces from asking more than they may.
/// </summary>
public sealed class NamespaceGuard(GatewaySettings settings, CallerGuard guard, LimitSettings limits, AuditLog audit)
{
    /// <summary>What a refused request is asked for.</summary>
    public const string Challenge = "Basic realm=\"OtpPortal gateway\", charset=\"UTF-8\"";

    /// <summary>Judges a request. One of a namespace is counted, and its answer tells how the namespace's quota stands.</summary>
    public async Task<Admission> JudgeAsync(HttpContext context)
    {
        var header = context.Request.Headers.Authorization;
        if (header.Count != 1 || !AuthenticationHeaderValue.TryParse(header[0], out var authorization) || !string.Equals(authorization.Scheme, "Basic", StringComparison.OrdinalIgnoreCase))
        {
            return new Admission.Refused("Missing Basic Authorization header.");
        }
        if (Decode(authorization.Parameter) is not { } pair) return new Admission.Refused("Invalid Base64 value in Basic Authorization header.");
        // The secret may hold colons, the name cannot (RFC 7617, 2).
        var colon = pair.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0) return new Admission.Refused("Invalid value in Basic Authorization header.");

        var owner = settings.Authenticate(pair[..colon], pair[(colon + 1)..]);
        switch (await guard.JudgeAsync(context, SecretKind.Namespace, "namespace", limits.RequestsPerNamespace, owner?.Name))
        {
            case CallerOutcome.Accepted:
                return new Admission.Admitted(owner!);
            case CallerOutcome.OverQuota:
                return new Admission.OverQuota();
            case CallerOutcome.Limited(var wait):
                return new Admission.Limited(wait);
            default:
                audit.Write(AuditEvent.NamespaceRefused, null, ClientAddress.Of(context), "wrong_secret");
                return new Admission.Refused("Invalid API credentials.");
        }
    }

    private static string? Decode(string? parameter)
    {
        var bytes = new byte[(parameter?.Length ?? 0) + 2];
        return Convert.TryFromBase64String(parameter ?? "", bytes, out var length) ? Encoding.UTF8.GetString(bytes, 0, length) : null;
    }
}
