namespace OtpPortal.Delivery;

/// <summary>Fills every template in with samples, so that a mistake stops the start and not a sign-in.</summary>
internal static class TemplateCheck
{
    private const string Markup = "<App>";
    private const string HostedPage = "https://example.com/otp";

    private static readonly Dictionary<string, object?> s_samples = new(StringComparer.Ordinal)
    {
        ["app_name"] = Markup,
        ["namespace"] = Markup,
        ["channel"] = "E-mail",
        ["to"] = "ann@example.com",
        ["code"] = "918273",
        ["duration"] = "5 minutes",
        ["url"] = HostedPage + "/App/123456",
        ["link_url"] = "https://example.com/login/link?token=123456",
        ["host"] = "example.com",
        ["device"] = "Firefox",
        ["ip"] = "192.0.2.1",
        ["time"] = "now",
        ["logo_url"] = "",
        ["accent"] = MessageTemplates.DefaultAccent,
        ["portal_url"] = "https://example.com",
        ["service_name"] = Markup,
        ["subject"] = "Sign in",
        ["title"] = "Sign in to " + Markup,
        ["greeting"] = "Hello " + Markup,
        ["sub_title"] = "",
        ["button_text"] = "Sign in",
        ["logo_image_url"] = "",
        ["logo_click_url"] = "",
        ["code_duration"] = "5 minutes",
        ["link"] = "https://example.com/magic-link",
    };

    /// <summary>Returns one error for each message that cannot be used in a language.</summary>
    /// <param name="providers">The providers that have templates of their own for the gateway's message.</param>
    public static IReadOnlyList<string> Run(MessageTemplates templates, IReadOnlyList<string> providers)
    {
        var errors = new List<string>();
        var gateway = MessageKind.Find(MessageKind.GatewayCode)!;
        foreach (var language in MessageTemplates.Languages)
        {
            foreach (var kind in MessageKind.All) errors.AddRange(Check(templates, kind, language, provider: null));
            foreach (var provider in providers) errors.AddRange(Check(templates, gateway, language, provider));
        }
        return errors;
    }

    private static IEnumerable<string> Check(MessageTemplates templates, MessageKind kind, string language, string? provider)
    {
        var name = provider ?? kind.Name;
        var values = kind.Values.ToDictionary(key => key, key => key == "language" ? language : s_samples[key], StringComparer.Ordinal);
        Message message;
        try
        {
            message = provider is null
                ? templates.Fill(kind.Name, language, "", values)
                : templates.Fill(kind.Name, language, "", values, provider);
        }
        // An unknown value or helper: Handlebars has no common base class for these.
        catch (Exception e)
        {
            return [$"{TemplateFolder.Setting}: the message {name} ({language}) cannot be rendered: {TemplateCompiler.FirstLine(e)}"];
        }
        return IsUsable(message, kind, isOwn: provider is not null)
            ? []
            :
            [
                $"{TemplateFolder.Setting}: the message {name} ({language}) must have a one-line subject, contain {{{{{kind.Required}}}}} "
                + "in its text and its HTML, and escape values in its HTML.",
            ];
    }

    private static bool IsUsable(Message message, MessageKind kind, bool isOwn)
    {
        if (message.Subject.Contains('\n', StringComparison.Ordinal)) return false;
        if (message.Html.Contains(Markup, StringComparison.Ordinal)) return false;
        if (kind.Name == MessageKind.SignIn && !Shows(message.Subject)) return false;
        return Shows(message.Text) && (!kind.IsMail || (message.Subject.Length > 0 && Shows(message.Html)));

        // A provider's own template may show the hosted page's address alone.
        bool Shows(string part) =>
            part.Contains((string)s_samples[kind.Required]!, StringComparison.Ordinal)
            || (isOwn && part.Contains(HostedPage, StringComparison.Ordinal));
    }
}
