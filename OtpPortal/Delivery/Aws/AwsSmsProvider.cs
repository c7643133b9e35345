using System.Text.Json;
using System.Text.Json.Serialization;
using Amazon.Runtime;

namespace OtpPortal.Delivery.Aws;

/// <summary>
/// Sends SMS through AWS End User Messaging: action <c>SendTextMessage</c> of <c>pinpoint-sms-voice-v2</c>, AWS JSON 1.0.
/// </summary>
/// <remarks>With the SDK's core alone, because the service's own package is not in every registry.</remarks>
internal sealed class AwsSmsProvider(ProviderHttp http, AwsSmsSettings settings, TimeProvider time) : IMessageProvider
{
    internal const string ProviderName = "pinpoint_sms";

    private static readonly Dictionary<string, string> s_headers = new(StringComparer.Ordinal)
    {
        ["Content-Type"] = "application/x-amz-json-1.0",
        ["X-Amz-Target"] = "PinpointSMSVoiceV2.SendTextMessage",
    };

    private readonly AwsRequestSigner _signer = new(settings.ApiUrl, settings.Region, "sms-voice");
    private readonly AwsSmsAnswers _answers = new(settings);

    public string Name => ProviderName;

    public async Task<SendOutcome> SendAsync(Message message, CancellationToken stop)
    {
        ImmutableCredentials credentials;
        try
        {
            credentials = await AwsCredentials.GetAsync(settings, stop);
        }
        catch (AmazonServiceException)
        {
            return new SendOutcome.Temporary("the credentials of this machine's or container's role cannot be read");
        }
        // The SDK fails with exceptions that have no common base class. Their texts may name accounts and files.
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return new SendOutcome.Misconfigured(
                "no AWS credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine or container a role "
                + $"({e.GetType().Name})");
        }
        var body = JsonSerializer.SerializeToUtf8Bytes(new Body(message.To, settings.OriginationIdentity, message.Text, "TRANSACTIONAL"));
        return await http.SendAsync(() => _signer.Sign(body, s_headers, credentials, time.GetUtcNow()), _answers.InterpretAsync, stop);
    }

    private sealed record Body(
        string DestinationPhoneNumber,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? OriginationIdentity,
        string MessageBody,
        string MessageType);
}
