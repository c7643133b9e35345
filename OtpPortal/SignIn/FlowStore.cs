using OtpPortal.Http;
using OtpPortal.OneTimeCodes;
using OtpPortal.Security;
using StackExchange.Redis;

namespace OtpPortal.SignIn;

/// <summary>Stores sign-ins by the id of their flow.</summary>
public sealed class FlowStore(CodeStore codes, CodeSettings settings, PortalSettings portal)
{
    private const string Realm = "sign-in";

    public CodeSettings Settings => settings;

    /// <summary>Returns whether a text has the form of a flow id.</summary>
    public static bool IsFlowId(string? text) => text is { Length: 32 } && text.All(char.IsAsciiLetterOrDigit);

    public static string KeyOf(string flowId) => CodeStore.KeyOf(Realm, flowId);

    /// <summary>Creates a flow. A <paramref name="returnTo"/> that is not allowed is dropped.</summary>
    public async Task<(string FlowId, CodeRecord Record)> BeginAsync(
        string email, CodeChannel channel, string? returnTo, string? code, string? link)
    {
        var flowId = RandomText.New(32);
        var payload = new SignInPayload(email, channel, portal.Redirects.Allows(returnTo) ? returnTo : null);
        return (flowId, await codes.BeginAsync(KeyOf(flowId), code, link, settings.Terms, payload.Write()));
    }

    /// <summary>Finds a flow by its id, which may be arbitrary client input.</summary>
    public async Task<CodeRecord?> FindAsync(string? flowId) => IsFlowId(flowId) ? await codes.FindAsync(KeyOf(flowId!)) : null;

    public bool HasLink(string flowId, CodeRecord record, string link) => codes.HasLink(KeyOf(flowId), record, link);

    public Task<TryOutcome> TryAsync(string flowId, string code, Action<ITransaction> onRight) =>
        codes.TryAsync(KeyOf(flowId), code, onRight);

    public Task<TryOutcome> TryLinkAsync(string flowId, string link) => codes.TryLinkAsync(KeyOf(flowId), link);

    public Task<ResendOutcome> AddCodeAsync(string flowId, CodeRecord record, string? code, string? link) =>
        codes.AddCodeAsync(KeyOf(flowId), record, code, link);
}
