using System.Collections.Concurrent;
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

    // Compiled on first use, because all of them together take tenths of a second, and the first page needs none.
    private static readonly Lazy<TemplateCompiler> s_compiler = new();
    private static readonly ConcurrentDictionary<string, HandlebarsTemplate<object, object>> s_builtIn = new(StringComparer.Ordinal);

    private readonly FrozenDictionary<string, HandlebarsTemplate<object, object>> _own;

    public MessageTemplates()
        : this([])
    {
    }

    private MessageTemplates(Dictionary<string, HandlebarsTemplate<object, object>> own) =>
        _own = own.ToFrozenDictionary(StringComparer.Ordinal);

    public static MessageTemplates Read(SettingsReader reader)
    {
        var own = TemplateFolder.Read(reader);
        var templates = new MessageTemplates(own);
        foreach (var name in own.Keys.Select(TemplateFolder.NameOf).Distinct(StringComparer.Ordinal))
        {
            foreach (var error in TemplateCheck.Run(templates, name)) reader.AddError(error);
        }
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
        return MessageKind.Find(names[^1]) is { } kind && kind.Parts.Contains(part, StringComparer.Ordinal)
            ? BuiltIn(TemplateFolder.KeyOf(language, kind.Name, part))(values)
            : "";
    }

    private static HandlebarsTemplate<object, object> BuiltIn(string key) =>
        s_builtIn.GetOrAdd(key, static key => s_compiler.Value.CompileBuiltIn(key));
}
