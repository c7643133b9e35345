using OtpPortal.Delivery;
using OtpPortal.Http;
using OtpPortal.Limits;

namespace OtpPortal.MagicLinks;

/// <summary>Sends the email of a request within the recipient's limits.</summary>
internal sealed class V2Mailing(SendLimits limits, MailSender sender)
{
    /// <summary>
    /// Counts a message against the recipient's limit. Returns the error response if it exceeds the limit, or null.
    /// </summary>
    /// <remarks>
    /// An account that could email anyone without limit would be a tool for spam, so the limit of sign-ins applies.
    /// </remarks>
    public async Task<IResult?> LimitAsync(HttpContext context, V2Request request, MailRequest mail)
    {
        if (await limits.TakeAsync(mail.To, ClientAddress.Of(context), client: null) is not { } wait) return null;
        context.Response.Headers.RetryAfter = Problem.Seconds(wait);
        return request.Failure(StatusCodes.Status429TooManyRequests, "Too many messages to this address. Try again later.");
    }

    /// <summary>Sends a message. Returns the error response if it could not be sent, or null.</summary>
    // The provider's response is only in the log, because it may contain account names and addresses.
    public async Task<IResult?> SendAsync(HttpContext context, V2Request request, Message message) =>
        await sender.SendAsync(message, context.RequestAborted)
            ? null
            : request.Failure(StatusCodes.Status502BadGateway, "The email could not be sent.");
}
