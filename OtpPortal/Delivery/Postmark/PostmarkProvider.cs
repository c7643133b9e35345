using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace OtpPortal.Delivery.Postmark;

/// <summary>Sends mail through Postmark's REST API (<c>POST /email</c>).</summary>
/// <remarks>Without Postmark's client package, which is not in every registry.</remarks>
internal sealed class PostmarkProvider(HttpClient http, PostmarkSettings settings, MailSettings mail) : IMessageProvider
{
    internal const string ProviderName = "postmark";

    public string Name => ProviderName;

    public async Task<SendOutcome> SendAsync(Message message, CancellationToken stop)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(settings.ApiUrl.ToString().TrimEnd('/') + "/email"))
        {
            Content = ProviderHttp.Json(new Mail(
                Named(mail.FromName, mail.From),
                message.ToName.Length == 0 ? message.To : Named(message.ToName, message.To),
                HeaderText.Subject(message.Subject),
                message.Text,
                message.Html,
                settings.MessageStream)),
        };
        request.Headers.Add("X-Postmark-Server-Token", settings.ServerToken);
        request.Headers.Accept.ParseAdd("application/json");
        try
        {
            using var response = await http.SendAsync(request, stop);
            return await InterpretAsync(response, stop);
        }
        catch (HttpRequestException e)
        {
            return new SendOutcome.Temporary($"cannot connect ({e.HttpRequestError})");
        }
    }

    private static string Named(string name, string address) => $"\"{HeaderText.Name(name)}\" <{address}>";

    private static async Task<SendOutcome> InterpretAsync(HttpResponseMessage response, CancellationToken stop)
    {
        var reply = await ReadAsync(response, stop);
        var code = reply?.ErrorCode ?? -1;
        return (response.StatusCode, code) switch
        {
            (HttpStatusCode.OK, 0) => new SendOutcome.Accepted(),
            (HttpStatusCode.Unauthorized, _) =>
                new SendOutcome.Misconfigured("POSTMARK_SERVER_TOKEN was rejected (401)"),
            (HttpStatusCode.UnprocessableEntity, 406) =>
                new SendOutcome.Refused(
                    "the recipient is inactive after a hard bounce or a spam complaint; reactivate the address in Postmark (error 406)"),
            (HttpStatusCode.UnprocessableEntity, 300) => new SendOutcome.Refused("an address in the message is invalid (error 300)"),
            (HttpStatusCode.UnprocessableEntity, 400 or 401 or 402) =>
                new SendOutcome.Misconfigured($"MAIL_FROM is not a confirmed sender signature or domain in Postmark (error {code})"),
            (HttpStatusCode.UnprocessableEntity, 405) =>
                new SendOutcome.Misconfigured("the Postmark account has no credits left (error 405)"),
            (HttpStatusCode.UnprocessableEntity, 412) =>
                new SendOutcome.Misconfigured("the Postmark account is not approved yet and can send to its own domain only (error 412)")
                {
                    IsAboutRecipient = true,
                },
            (HttpStatusCode.UnprocessableEntity, 1235) =>
                new SendOutcome.Misconfigured("POSTMARK_MESSAGE_STREAM names a stream that does not exist (error 1235)"),
            (HttpStatusCode.UnprocessableEntity, _) => new SendOutcome.Refused($"the message was rejected (error {code})"),
            (HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout, _) =>
                new SendOutcome.Temporary($"too many requests ({(int)response.StatusCode})"),
            ( >= HttpStatusCode.InternalServerError, _) =>
                new SendOutcome.Temporary($"server error ({(int)response.StatusCode})"),
            (HttpStatusCode.OK, _) => new SendOutcome.Refused($"unexpected status 200 with error {code}; check POSTMARK_API_URL"),
            _ => new SendOutcome.Misconfigured($"unexpected status {(int)response.StatusCode}; check POSTMARK_API_URL"),
        };
    }

    private static async Task<Reply?> ReadAsync(HttpResponseMessage response, CancellationToken stop)
    {
        try
        {
            return await response.Content.ReadFromJsonAsync<Reply>(stop);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or InvalidOperationException)
        {
            return null;
        }
    }

    private sealed record Mail(string From, string To, string Subject, string TextBody, string HtmlBody, string MessageStream);

    private sealed record Reply([property: JsonPropertyName("ErrorCode")] int? ErrorCode);
}
