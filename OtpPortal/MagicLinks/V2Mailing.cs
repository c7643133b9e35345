using OtpPortal.Delivery;
using OtpPortal.Http;
using OtpPortal.Limits;

namespace OtpPortal.MagicLinks;

/// <summary>Sends the mail of a request within the limits of its recipient.</summary>
internal sealed class V2Mailing(SendLimits limits, MailSender sender)
{
    /// <summary>Takes one message from the address's limit. Returns the answer to a request past it, else null.</summary>
    /// <remarks>An account that could send any mail to anybody would be a spammer's tool: the limit of signing in applies.</remarks>
    public async Task<IResult?> LimitAsync(HttpContext context, V2Request request, MailWish mail)
    {
        if (await limits.TakeAsync(mail.To, ClientAddress.Of(context), client: null) is not { } wait) return null;
        context.Response.Headers.RetryAfter = Problem.Seconds(wait);
        return request.Failure(StatusCodes.Status429TooManyRequests, "Too many messages to this address. Try again later.");
    }

    /// <summary>Sends a message. Returns the answer to a request whose mail was not sent, else null.</summary>
    // The provider's answer is in the log alone: it may name accounts and addresses.
    public async Task<IResult?> SendAsync(HttpContext context, V2Request request, Message message) =>
        await sender.SendAsync(message, context.RequestAborted)
            ? null
            : request.Failure(StatusCodes.Status502BadGateway, "The email could not be sent.");
}
