namespace OtpPortal.Delivery.Kaleyra;

/// <summary>Sends through Kaleyra's messages API (<c>POST /{sid}/messages</c>).</summary>
internal abstract class KaleyraProvider(ProviderHttp http, KaleyraSettings settings) : IMessageProvider
{
    public abstract string Name { get; }

    public Task<SendOutcome> SendAsync(Message message, CancellationToken stop)
    {
        if (FieldsFor(message) is not { } fields)
        {
            return Task.FromResult<SendOutcome>(new SendOutcome.Refused("WhatsApp can send codes only"));
        }
        return http.SendAsync(() => Request(fields), (response, _) => Task.FromResult(Interpret((int)response.StatusCode)), stop);
    }

    /// <summary>Returns the form's fields, or null when the channel cannot carry the message.</summary>
    protected abstract IReadOnlyList<KeyValuePair<string, string>>? FieldsFor(Message message);

    private HttpRequestMessage Request(IReadOnlyList<KeyValuePair<string, string>> fields) =>
        new(HttpMethod.Post, new Uri($"{settings.ApiUrl.ToString().TrimEnd('/')}/{settings.Sid}/messages"))
        {
            Content = new FormUrlEncodedContent(fields),
            Headers = { { "api-key", settings.ApiKey }, { "Accept", "application/json" } },
        };

    private static SendOutcome Interpret(int status) => status switch
    {
        200 or 202 => new SendOutcome.Accepted(),
        401 or 403 => new SendOutcome.Misconfigured($"KALEYRA_API_KEY was rejected for the account KALEYRA_SID ({status})"),
        402 => new SendOutcome.Misconfigured("the Kaleyra account has no credit left (402)"),
        400 or 422 => new SendOutcome.Refused(
            $"the number, KALEYRA_SENDER, or a text that differs from its registered template was rejected ({status})"),
        _ => new SendOutcome.Misconfigured($"unexpected status {status}; check KALEYRA_API_URL and KALEYRA_SID"),
    };
}

internal sealed class KaleyraSms(ProviderHttp http, KaleyraSettings settings) : KaleyraProvider(http, settings)
{
    internal const string ProviderName = "kaleyra_sms";

    private readonly KaleyraSettings _settings = settings;

    public override string Name => ProviderName;

    protected override IReadOnlyList<KeyValuePair<string, string>> FieldsFor(Message message) =>
    [
        new("to", message.To),
        new("type", "OTP"),
        new("sender", _settings.Sender),
        new("entity_id", _settings.EntityId ?? ""),
        new("template_id", _settings.TemplateId ?? ""),
        new("body", message.Text),
    ];
}

internal sealed class KaleyraWhatsApp(ProviderHttp http, KaleyraSettings settings) : KaleyraProvider(http, settings)
{
    internal const string ProviderName = "kaleyra_whatsapp";

    private readonly KaleyraSettings _settings = settings;

    public override string Name => ProviderName;

    protected override IReadOnlyList<KeyValuePair<string, string>>? FieldsFor(Message message) => message.Code is null ? null :
    [
        new("to", message.To),
        new("type", "authenticationtemplate"),
        new("channel", "whatsapp"),
        new("from", _settings.Sender),
        new("template_name", _settings.TemplateName ?? ""),
        new("verification_code", message.Code),
    ];
}
