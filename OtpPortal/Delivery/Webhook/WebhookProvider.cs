using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Serialization;

namespace OtpPortal.Delivery.Webhook;

/// <summary>Posts messages to a program of the operator's own, as otpgateway does: <c>{"otp":{…},"subject","body"}</c>.</summary>
/// <remarks>
/// As in otpgateway, a webhook that answers has the message, and its status only decides whether the request is repeated. For a webhook in
/// SMS_PROVIDERS the status counts, because another provider may take over.
/// </remarks>
internal sealed partial class WebhookProvider(ProviderHttp http, WebhookSettings settings, bool sendsSms, ILogger<WebhookProvider> logger)
    : IMessageProvider
{
    public string Name => settings.Name;

    public async Task<SendOutcome> SendAsync(Message message, CancellationToken stop)
    {
        var answered = false;
        var outcome = await http.SendAsync(() => Request(message), (response, _) =>
        {
            answered = true;
            return Task.FromResult(Interpret(response));
        }, stop);
        answered |= outcome is SendOutcome.Temporary { Answered: true };
        if (sendsSms || !answered || outcome is SendOutcome.Accepted) return outcome;
        AnsweredOtherwise(Name, outcome.Describe().Reason);
        return new SendOutcome.Accepted();
    }

    private HttpRequestMessage Request(Message message)
    {
        var otp = message.Otp ?? new Dictionary<string, object?>(StringComparer.Ordinal) { ["to"] = message.To, ["otp"] = message.Code };
        var request = new HttpRequestMessage(HttpMethod.Post, settings.Url)
        {
            Content = ProviderHttp.Json(new Payload(otp, message.Subject, message.Text)),
        };
        if (settings.UserName is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue(
                "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{settings.UserName}:{settings.Password}")));
        }
        return request;
    }

    private SendOutcome Interpret(HttpResponseMessage response)
    {
        var status = (int)response.StatusCode;
        var prefix = "WEBHOOK_" + Name.ToUpperInvariant();
        return response.StatusCode switch
        {
            >= HttpStatusCode.OK and < HttpStatusCode.MultipleChoices => new SendOutcome.Accepted(),
            >= HttpStatusCode.MultipleChoices and < HttpStatusCode.BadRequest =>
                new SendOutcome.Misconfigured($"redirects are not followed ({status}); set {prefix}_URL to the final address"),
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden =>
                new SendOutcome.Misconfigured($"{prefix}_USERNAME and {prefix}_PASSWORD were rejected ({status})"),
            HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.Gone =>
                new SendOutcome.Misconfigured($"unexpected status {status}; check {prefix}_URL"),
            _ => new SendOutcome.Refused($"the message was rejected ({status})"),
        };
    }

    private sealed record Payload(
        [property: JsonPropertyName("otp")] IReadOnlyDictionary<string, object?> Otp,
        [property: JsonPropertyName("subject")] string Subject,
        [property: JsonPropertyName("body")] string Body);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The webhook {Webhook} answered a message with an error: {Reason}")]
    private partial void AnsweredOtherwise(string webhook, string reason);
}
