using System.Net;

namespace OtpPortal.Client;

/// <summary>
/// An unexpected failure: the portal is unreachable, rejects the credentials (401, 403), limits their requests (429), fails
/// (5xx), or sends an invalid response. Expected outcomes are results of the methods.
/// </summary>
public sealed class OtpPortalException : Exception
{
    /// <summary>Creates an exception without details.</summary>
    public OtpPortalException()
    {
    }

    /// <summary>Creates an exception with a message.</summary>
    /// <param name="message">The error, without secrets.</param>
    public OtpPortalException(string message)
        : base(message)
    {
    }

    /// <summary>Creates an exception for a failure before there was a response.</summary>
    /// <param name="message">The error, without secrets.</param>
    /// <param name="innerException">The cause.</param>
    public OtpPortalException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    internal OtpPortalException(string message, HttpStatusCode status, TimeSpan? retryAfter, Exception? innerException = null)
        : base(message, innerException) => (Status, RetryAfter) = (status, retryAfter);

    /// <summary>The status of the response; null if there was none.</summary>
    public HttpStatusCode? Status { get; }

    /// <summary>The time to wait before retrying, in whole seconds; null if the portal did not specify it.</summary>
    public TimeSpan? RetryAfter { get; }
}
