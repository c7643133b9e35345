using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace OtpPortal.Delivery.Aws;

/// <summary>Sends SMS through AWS End User Messaging (action <c>SendTextMessage</c> of <c>pinpoint-sms-voice-v2</c>, AWS JSON 1.0).</summary>
internal sealed class AwsSmsProvider(ProviderHttp http, AwsSmsSettings settings, TimeProvider time) : IMessageProvider
{
    internal const string ProviderName = "pinpoint_sms";

    private const string Service = "sms-voice";
    private const string Target = "PinpointSMSVoiceV2.SendTextMessage";
    private const string MediaType = "application/x-amz-json-1.0";

    public string Name => ProviderName;

    public Task<SendOutcome> SendAsync(Message message, CancellationToken stop) => http.SendAsync(() => Request(message), JudgeAsync, stop);

    private HttpRequestMessage Request(Message message)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(new Body(message.To, settings.OriginationIdentity, message.Text, "TRANSACTIONAL"));
        var now = time.GetUtcNow();
        var headers = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["content-type"] = MediaType,
            ["host"] = settings.ApiUrl.Authority,
            ["x-amz-date"] = AwsSignature.Timestamp(now),
            ["x-amz-target"] = Target,
        };
        var authorization = AwsSignature.Authorize(
            "POST", settings.ApiUrl.AbsolutePath, "", headers, body, now, settings.Region, Service, settings.AccessKeyId, settings.SecretAccessKey);
        var request = new HttpRequestMessage(HttpMethod.Post, settings.ApiUrl)
        {
            Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue(MediaType) } },
        };
        request.Headers.Add("X-Amz-Date", headers["x-amz-date"]);
        request.Headers.Add("X-Amz-Target", Target);
        request.Headers.TryAddWithoutValidation("Authorization", authorization);
        return request;
    }

    private static async Task<SendOutcome> JudgeAsync(HttpResponseMessage response, CancellationToken stop)
    {
        var status = (int)response.StatusCode;
        if (status == 200) return new SendOutcome.Accepted();
        var reply = await ProviderHttp.ReadJsonAsync(response, stop);
        // "com.amazonaws.…#ThrottlingException": the name alone.
        var error = Field(reply, "__type")?.Split('#')[^1] ?? "";
        var reason = Field(reply, "Reason") ?? "";
        return (error, reason) switch
        {
            ("ThrottlingException", _) => new SendOutcome.Temporary("it asks for patience (ThrottlingException)"),
            ("UnrecognizedClientException" or "InvalidSignatureException" or "IncompleteSignatureException" or "InvalidClientTokenId" or "MissingAuthenticationTokenException", _) =>
                new SendOutcome.Misconfigured($"it does not accept AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or this machine's clock is wrong ({error})"),
            ("AccessDeniedException", _) => new SendOutcome.Misconfigured("AWS_ACCESS_KEY_ID's user may not do sms-voice:SendTextMessage, or the account is still in the sandbox (AccessDeniedException)"),
            ("ResourceNotFoundException", _) => new SendOutcome.Misconfigured("AWS_SMS_ORIGINATION_IDENTITY is not there in AWS_REGION (ResourceNotFoundException)"),
            ("ServiceQuotaExceededException", _) => new SendOutcome.Misconfigured("the account's spending limit for SMS is reached (ServiceQuotaExceededException)"),
            ("ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT") => new SendOutcome.Refused("the recipient has opted out of messages from this sender"),
            ("ConflictException", "NO_ORIGINATION_IDENTITIES_FOUND") =>
                ForSome("the account has no number or sender id for this country; request one, or set AWS_SMS_ORIGINATION_IDENTITY"),
            ("ConflictException", "DESTINATION_PHONE_NUMBER_NOT_VERIFIED") =>
                ForSome("the account is in the sandbox and writes to verified numbers only (DESTINATION_PHONE_NUMBER_NOT_VERIFIED)"),
            ("ConflictException", "DESTINATION_COUNTRY_BLOCKED" or "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION" or "DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE") =>
                new SendOutcome.Refused("the AWS account blocks this country or number"),
            ("ConflictException", _) => new SendOutcome.Misconfigured("AWS_SMS_ORIGINATION_IDENTITY cannot send now: it is not active, or has no SMS (ConflictException)"),
            ("ValidationException", _) => new SendOutcome.Refused("it does not take this number or this text (ValidationException)"),
            _ => new SendOutcome.Misconfigured($"it answered {status}; are AWS_REGION and AWS_SMS_API_URL right?"),
        };
    }

    private static SendOutcome.Misconfigured ForSome(string reason) => new(reason) { IsAboutRecipient = true };

    private static string? Field(JsonElement? reply, string name) =>
        reply is { ValueKind: JsonValueKind.Object } found && found.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private sealed record Body(
        string DestinationPhoneNumber,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? OriginationIdentity,
        string MessageBody,
        string MessageType);
}
