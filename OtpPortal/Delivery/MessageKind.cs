namespace OtpPortal.Delivery;

/// <summary>A kind of message that the portal sends.</summary>
/// <param name="Parts">The suffixes of its template files, such as <c>.html</c>. An SMS has only text.</param>
/// <param name="Required">The value that must appear in text and HTML, such as <c>code</c>.</param>
/// <param name="Values">The values that its templates may use. The caller provides all of them.</param>
internal sealed record MessageKind(string Name, IReadOnlyList<string> Parts, string Required, IReadOnlyList<string> Values)
{
    public const string SignIn = "sign-in";

    /// <summary>The gateway's message, for which a provider may have its own templates.</summary>
    public const string GatewayCode = "gateway-code";

    /// <summary>The suffixes of all template files. Longer suffixes come before shorter ones that they end with.</summary>
    public static readonly IReadOnlyList<string> AllParts = [".subject.txt", ".html", ".txt"];

    private static readonly string[] s_text = [".txt"];
    private static readonly string[] s_commonVariables = ["app_name", "logo_url", "accent", "portal_url", "language"];
    private static readonly string[] s_signIn = [.. s_commonVariables, "code", "duration", "link_url", "host"];
    private static readonly string[] s_gateway = [.. s_commonVariables, "namespace", "channel", "to", "code", "duration", "url", "host"];

    private static readonly string[] s_account =
    [
        .. s_commonVariables,
        "service_name", "subject", "title", "greeting", "sub_title", "logo_image_url", "logo_click_url", "code", "code_duration",
    ];

    public static readonly IReadOnlyList<MessageKind> All =
    [
        new(SignIn, AllParts, "code", s_signIn),
        new("new-device", AllParts, "ip", [.. s_commonVariables, "device", "ip", "time"]),
        new("sign-in-sms", s_text, "code", s_signIn),
        new(GatewayCode, AllParts, "code", s_gateway),
        new("gateway-sms", s_text, "code", s_gateway),
        new("api-code", AllParts, "code", s_account),
        new("api-link", AllParts, "link", [.. s_account, "link", "duration", "button_text"]),
    ];

    public bool IsMail => Parts.Count > 1;

    public static MessageKind? Find(string name) => All.FirstOrDefault(kind => kind.Name == name);

    /// <summary>Returns the suffix of a template file, or null if it is not a template.</summary>
    public static string? PartOf(string file) => AllParts.FirstOrDefault(part => file.EndsWith(part, StringComparison.Ordinal));
}
