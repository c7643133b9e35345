using System.Collections.Frozen;
using HandlebarsDotNet;
using OtpPortal.Configuration;
using OtpPortal.Http;

namespace OtpPortal.Delivery;

/// <summary>
/// The texts of messages as Handlebars templates: <c>Templates/{language}/{name}.subject.txt</c>, <c>.txt</c> and <c>.html</c>.
/// Files in TEMPLATES_DIR override them.
/// </summary>
public sealed class MessageTemplates : ISettings<MessageTemplates>
{
    /// <summary>The languages of the built-in templates.</summary>
    public static readonly IReadOnlyList<string> Languages = ["en", "de", "fr", "es", "zh"];

    /// <summary>The theme's default accent color.</summary>
    internal const string DefaultAccent = "#4f46e5";

    // Shared by all portals in a process, because compiling and checking the templates takes tenths of a second.
    private static readonly Lazy<FrozenDictionary<string, HandlebarsTemplate<object, object>>> s_builtIn = new(CompileBuiltIn);
    private static readonly Lazy<IReadOnlyList<string>> s_builtInErrors = new(() => TemplateCheck.Run(new MessageTemplates(), []));

    private readonly FrozenDictionary<string, HandlebarsTemplate<object, object>> _own;

    public MessageTemplates()
        : this([])
    {
    }

    private MessageTemplates(Dictionary<string, HandlebarsTemplate<object, object>> own) =>
        _own = own.ToFrozenDictionary(StringComparer.Ordinal);

    public static MessageTemplates Read(SettingsReader reader)
    {
        var templates = new MessageTemplates(TemplateFolder.Read(reader));
        foreach (var error in templates.Check()) reader.AddError(error);
        return templates;
    }

    /// <summary>Renders a message. Unknown languages fall back to English.</summary>
    public Message Fill(string name, string language, string to, IReadOnlyDictionary<string, object?> values) =>
        Fill([name], language, to, values);

    /// <summary>Renders one of the gateway's messages. A provider's own templates take precedence.</summary>
    public Message Fill(string name, string language, string to, IReadOnlyDictionary<string, object?> values, string provider) =>
        Fill([provider, name], language, to, values);

    /// <summary>Returns the values that every message may use.</summary>
    internal static Dictionary<string, object?> FrameOf(PortalSettings portal, string language) => new(StringComparer.Ordinal)
    {
        ["app_name"] = portal.AppName,
        ["logo_url"] = portal.LogoUrl?.ToString() ?? "",
        ["accent"] = portal.AccentColor ?? DefaultAccent,
        ["portal_url"] = portal.Origin,
        ["language"] = language,
    };

    private static FrozenDictionary<string, HandlebarsTemplate<object, object>> CompileBuiltIn()
    {
        var compiler = new TemplateCompiler();
        var keys =
            from language in Languages
            from kind in MessageKind.All
            from part in kind.Parts
            select TemplateFolder.KeyOf(language, kind.Name, part);
        return keys.ToFrozenDictionary(key => key, compiler.CompileBuiltIn, StringComparer.Ordinal);
    }

    private IReadOnlyList<string> Check()
    {
        if (_own.Count == 0) return s_builtInErrors.Value;
        var names = _own.Keys.Select(TemplateFolder.NameOf).Distinct(StringComparer.Ordinal);
        return TemplateCheck.Run(this, [.. names.Where(name => MessageKind.Find(name) is null)]);
    }

    private Message Fill(string[] names, string language, string to, IReadOnlyDictionary<string, object?> values)
    {
        var folder = Languages.Contains(language, StringComparer.Ordinal) ? language : "en";
        var isSms = MessageKind.Find(names[^1]) is { IsMail: false };
        var text = FillPart(names, folder, ".txt", values);
        return new Message(
            to,
            FillPart(names, folder, ".subject.txt", values).Trim(),
            // Browsers look for the code on the very last line of an SMS.
            isSms ? text.Trim() : text,
            isSms ? "" : FillPart(names, folder, ".html", values));
    }

    private string FillPart(string[] names, string language, string part, IReadOnlyDictionary<string, object?> values)
    {
        foreach (var name in names)
        {
            if (_own.TryGetValue(TemplateFolder.KeyOf(language, name, part), out var template)
                || _own.TryGetValue(TemplateFolder.KeyOfAnyLanguage(name, part), out template))
            {
                return template(values);
            }
        }
        return s_builtIn.Value.TryGetValue(TemplateFolder.KeyOf(language, names[^1], part), out var builtIn) ? builtIn(values) : "";
    }
}
