using System.Text.Json;

namespace OtpPortal.Delivery.Aws;

/// <summary>Interprets the responses of AWS End User Messaging.</summary>
internal sealed class AwsSmsAnswers(AwsSmsSettings settings)
{
    private readonly string _credentials = settings.AccessKey is null
        ? "the credentials of this machine's or container's role"
        : "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

    private readonly string _identity = settings.AccessKey is null ? "the role" : "AWS_ACCESS_KEY_ID's user";

    public async Task<SendOutcome> InterpretAsync(HttpResponseMessage response, CancellationToken stop)
    {
        var status = (int)response.StatusCode;
        if (status == 200) return new SendOutcome.Accepted();
        var reply = await ProviderHttp.ReadJsonAsync(response, stop);
        // The name without its namespace: "com.amazonaws.…#ThrottlingException".
        var error = Field(reply, "__type")?.Split('#')[^1] ?? "";
        return error switch
        {
            "ThrottlingException" => new SendOutcome.Temporary("too many requests (ThrottlingException)"),
            "UnrecognizedClientException" or "InvalidSignatureException" or "IncompleteSignatureException" or "InvalidClientTokenId"
                or "MissingAuthenticationTokenException" or "ExpiredTokenException" =>
                new SendOutcome.Misconfigured($"{_credentials} were rejected, or this machine's clock is wrong ({error})"),
            "AccessDeniedException" => new SendOutcome.Misconfigured(
                $"{_identity} lacks the permission sms-voice:SendTextMessage, or the account is in the sandbox (AccessDeniedException)"),
            "ResourceNotFoundException" => new SendOutcome.Misconfigured(
                "AWS_SMS_ORIGINATION_IDENTITY does not exist in AWS_REGION (ResourceNotFoundException)"),
            "ServiceQuotaExceededException" => new SendOutcome.Misconfigured(
                "the account has reached its SMS spending limit (ServiceQuotaExceededException)"),
            "ConflictException" => InterpretConflict(Field(reply, "Reason")),
            "ValidationException" => new SendOutcome.Refused("the number or the text was rejected (ValidationException)"),
            _ => new SendOutcome.Misconfigured($"unexpected status {status}; check AWS_REGION and AWS_SMS_API_URL"),
        };
    }

    private static SendOutcome InterpretConflict(string? reason) => reason switch
    {
        "DESTINATION_PHONE_NUMBER_OPTED_OUT" => new SendOutcome.Refused("the recipient has opted out of messages from this sender"),
        "NO_ORIGINATION_IDENTITIES_FOUND" =>
            AboutRecipient("the account has no number or sender ID for this country; request one, or set AWS_SMS_ORIGINATION_IDENTITY"),
        "DESTINATION_PHONE_NUMBER_NOT_VERIFIED" =>
            AboutRecipient("the account is in the sandbox and can send to verified numbers only (DESTINATION_PHONE_NUMBER_NOT_VERIFIED)"),
        "DESTINATION_COUNTRY_BLOCKED" or "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION"
            or "DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE" =>
            new SendOutcome.Refused("the AWS account blocks this country or number"),
        _ => new SendOutcome.Misconfigured(
            "AWS_SMS_ORIGINATION_IDENTITY is not active or cannot send SMS (ConflictException)"),
    };

    // Recipients in other countries may still be reachable.
    private static SendOutcome.Misconfigured AboutRecipient(string reason) => new(reason) { IsAboutRecipient = true };

    private static string? Field(JsonElement? reply, string name) =>
        reply is { ValueKind: JsonValueKind.Object } found
        && found.TryGetProperty(name, out var value)
        && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
