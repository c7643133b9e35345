namespace OtpPortal.Delivery;

/// <summary>Renders templates with sample values, so that errors appear at startup and not during a sign-in.</summary>
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

    /// <summary>Returns one error for each language in which a message cannot be used.</summary>
    /// <param name="name">A kind of message, or a provider with its own templates for the gateway's message.</param>
    public static IEnumerable<string> Run(MessageTemplates templates, string name) =>
        MessageTemplates.Languages.SelectMany(language => Check(templates, name, language));

    private static IEnumerable<string> Check(MessageTemplates templates, string name, string language)
    {
        var isProvider = MessageKind.Find(name) is null;
        var kind = MessageKind.Find(isProvider ? MessageKind.GatewayCode : name)!;
        var values = kind.Values.ToDictionary(key => key, key => key == "language" ? language : s_samples[key], StringComparer.Ordinal);
        Message message;
        try
        {
            message = templates.Fill(kind.Name, language, "", values, name);
        }
        // An unknown value or helper: Handlebars has no common base class for these exceptions.
        catch (Exception e)
        {
            return [$"{TemplateFolder.Setting}: the message {name} ({language}) cannot be rendered: {TemplateCompiler.FirstLine(e)}"];
        }
        return IsUsable(message, kind, isProvider)
            ? []
            :
            [
                $"{TemplateFolder.Setting}: the message {name} ({language}) must have a one-line subject, contain {{{{{kind.Required}}}}} "
                + "in its text and its HTML, and escape values in its HTML.",
            ];
    }

    private static bool IsUsable(Message message, MessageKind kind, bool isProvider)
    {
        if (message.Subject.Contains('\n', StringComparison.Ordinal)) return false;
        if (message.Html.Contains(Markup, StringComparison.Ordinal)) return false;
        if (kind.Name == MessageKind.SignIn && !Shows(message.Subject)) return false;
        return Shows(message.Text) && (!kind.IsMail || (message.Subject.Length > 0 && Shows(message.Html)));

        // A provider's own template may show only the URL of the hosted page.
        bool Shows(string part) =>
            part.Contains((string)s_samples[kind.Required]!, StringComparison.Ordinal)
            || (isProvider && part.Contains(HostedPage, StringComparison.Ordinal));
    }
}
