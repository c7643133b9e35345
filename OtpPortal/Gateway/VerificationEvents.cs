using System.Text.Json;
using OtpPortal.Http;
using OtpPortal.Storage;

namespace OtpPortal.Gateway;

/// <summary>
/// Publishes events of verifications: <c>check</c> and <c>close</c> on the Redis channel GATEWAY_PUBLISH_KEY, as otpgateway
/// does but without the code, and <c>verified</c> and <c>locked</c> to the namespace's server. Publishing never fails and never
/// blocks.
/// </summary>
public sealed partial class VerificationEvents(
    Stores stores,
    GatewaySettings settings,
    EventWebhooks webhooks,
    PortalSettings portal,
    TimeProvider time,
    ILogger<VerificationEvents> logger)
{
    /// <summary>Publishes that a code was checked.</summary>
    public void Checked(Namespace owner, Verification verification) => Publish("check", owner, verification, withData: true);

    /// <summary>Publishes that the correct code was entered.</summary>
    public void Closed(Namespace owner, Verification verification)
    {
        Publish("check", owner, verification, withData: true);
        Publish("close", owner, verification, withData: false);
        Post("verified", owner, verification);
    }

    /// <summary>Publishes that the last attempt failed.</summary>
    public void Locked(Namespace owner, Verification verification) => Post("locked", owner, verification);

    private void Post(string type, Namespace owner, Verification verification)
    {
        if (owner.Events is { } target) webhooks.Enqueue(target, type, Write(type, owner, verification, withData: true));
    }

    private void Publish(string type, Namespace owner, Verification verification, bool withData)
    {
        if (settings.PublishKey is { } channel) _ = PublishAsync(channel, Write(type, owner, verification, withData));
    }

    private byte[] Write(string type, Namespace owner, Verification verification, bool withData)
    {
        var data = withData ? GatewayJson.Describe(verification, portal, time) : null;
        return JsonSerializer.SerializeToUtf8Bytes(new GatewayJson.Event(type, owner.Name, verification.Id, data), GatewayJson.Json.Event);
    }

    private async Task PublishAsync(string channel, byte[] message)
    {
        try
        {
            await stores.Otp.Database.PublishAsync(channel, message);
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            NotPublished(e.GetType().Name);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Could not publish an event: the store is unavailable ({Error})")]
    private partial void NotPublished(string error);
}
