using System.Net;

namespace OtpPortal.Client;

/// <summary>
/// What no caller expects: the portal cannot be reached, refuses the credentials (401, 403) or has had too many requests with them (429),
/// is in trouble (5xx), or answers something that it should not. Everything else is an outcome of its method.
/// </summary>
public sealed class OtpPortalException : Exception
{
    /// <summary>Something that went wrong, of which no more is known.</summary>
    public OtpPortalException()
    {
    }

    /// <summary>Something that went wrong.</summary>
    /// <param name="message">What; without secrets.</param>
    public OtpPortalException(string message)
        : base(message)
    {
    }

    /// <summary>Something that went wrong before there was an answer.</summary>
    /// <param name="message">What; without secrets.</param>
    /// <param name="innerException">Why.</param>
    public OtpPortalException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    internal OtpPortalException(string message, HttpStatusCode status, TimeSpan? retryAfter, Exception? innerException = null)
        : base(message, innerException) => (Status, RetryAfter) = (status, retryAfter);

    /// <summary>The status of the answer; null when there was none.</summary>
    public HttpStatusCode? Status { get; }

    /// <summary>How long the portal asks to wait before the next try, in whole seconds; null when it did not say.</summary>
    public TimeSpan? RetryAfter { get; }
}
