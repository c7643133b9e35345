using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Serialization;

namespace OtpPortal.Delivery.Sipgate;

/// <summary>Sends SMS through sipgate's REST API (<c>POST /sessions/sms</c>).</summary>
internal sealed class SipgateProvider(ProviderHttp http, SipgateSettings settings) : IMessageProvider
{
    internal const string ProviderName = "sipgate_sms";

    public string Name => ProviderName;

    public Task<SendOutcome> SendAsync(Message message, CancellationToken stop) =>
        http.SendAsync(() => Request(message), (response, _) => Task.FromResult(Interpret(response)), stop);

    private HttpRequestMessage Request(Message message) => new(HttpMethod.Post, settings.ApiUrl.ToString().TrimEnd('/') + "/sessions/sms")
    {
        Content = ProviderHttp.Json(new Body(settings.SmsId, message.To, message.Text)),
        Headers =
        {
            Authorization = new AuthenticationHeaderValue(
                "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{settings.UserName}:{settings.Password}"))),
            Accept = { new MediaTypeWithQualityHeaderValue("application/json") },
        },
    };

    private static SendOutcome Interpret(HttpResponseMessage response) => (int)response.StatusCode switch
    {
        >= 200 and < 300 => new SendOutcome.Accepted(),
        400 or 422 => new SendOutcome.Refused("the number or the text was rejected"),
        401 => new SendOutcome.Misconfigured(
            "SIPGATE_USERNAME and SIPGATE_PASSWORD were rejected (401); a personal access token needs the scope sessions:sms:write"),
        402 => new SendOutcome.Misconfigured("the sipgate account has no credit left (402)"),
        403 => new SendOutcome.Misconfigured(
            "SIPGATE_SMS_ID is not an SMS extension of this account, or the account is not allowed to send SMS (403)"),
        var status => new SendOutcome.Misconfigured($"unexpected status {status}; check SIPGATE_API_URL"),
    };

    private sealed record Body(
        [property: JsonPropertyName("smsId")] string SmsId,
        [property: JsonPropertyName("recipient")] string Recipient,
        [property: JsonPropertyName("message")] string Message);
}
