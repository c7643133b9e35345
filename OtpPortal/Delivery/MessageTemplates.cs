using System.Collections.Frozen;
using System.Reflection;
using HandlebarsDotNet;

namespace OtpPortal.Delivery;

/// <summary>
/// The texts of messages: <c>Templates/{language}/{name}.subject.txt</c>, <c>.txt</c> and <c>.html</c>, in Handlebars.
/// In HTML every value is escaped. All are compiled and filled in once at the start, so a mistake stops the start and not a sign-in.
/// </summary>
public sealed class MessageTemplates
{
    /// <summary>Languages that every template exists in.</summary>
    public static readonly IReadOnlyList<string> Languages = ["en", "de", "fr", "es", "zh"];

    private const string Root = "OtpPortal.Templates/";
    private readonly FrozenDictionary<string, HandlebarsTemplate<object, object>> _templates;

    public MessageTemplates()
    {
        var plain = Handlebars.Create(new HandlebarsConfiguration { NoEscape = true, ThrowOnUnresolvedBindingExpression = true });
        var html = Handlebars.Create(new HandlebarsConfiguration { ThrowOnUnresolvedBindingExpression = true });
        html.RegisterTemplate("layout", ReadText(Root + "layout.html"));

        var templates = new Dictionary<string, HandlebarsTemplate<object, object>>(StringComparer.Ordinal);
        foreach (var language in Languages)
        {
            foreach (var part in (string[])["subject.txt", "txt", "html"])
            {
                var name = $"{language}/sign-in.{part}";
                templates[name] = (part == "html" ? html : plain).Compile(ReadText(Root + name));
            }
        }
        _templates = templates.ToFrozenDictionary(StringComparer.Ordinal);
        foreach (var language in Languages) Check(language);
    }

    /// <summary>Fills a message in. Unknown languages get English.</summary>
    public Message Fill(string name, string language, string to, IReadOnlyDictionary<string, object?> values)
    {
        var folder = Languages.Contains(language, StringComparer.Ordinal) ? language : "en";
        return new Message(
            to,
            _templates[$"{folder}/{name}.subject.txt"](values).Trim(),
            _templates[$"{folder}/{name}.txt"](values),
            _templates[$"{folder}/{name}.html"](values));
    }

    private void Check(string language)
    {
        const string Code = "918273";
        var values = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["app_name"] = "<App>",
            ["code"] = Code,
            ["duration"] = "5 minutes",
            ["logo_url"] = "",
            ["accent"] = "#4340d2",
            ["portal_url"] = "https://example.com",
            ["language"] = language,
        };
        var message = Fill("sign-in", language, "", values);
        if (!message.Subject.Contains(Code, StringComparison.Ordinal) || message.Subject.Contains('\n', StringComparison.Ordinal)
            || !message.Text.Contains(Code, StringComparison.Ordinal) || !message.Html.Contains(Code, StringComparison.Ordinal)
            || message.Html.Contains("<App>", StringComparison.Ordinal))
        {
            throw new InvalidOperationException($"The sign-in message in {language} must show the code in subject, text and HTML, and escape what it shows.");
        }
    }

    private static string ReadText(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"The template {name} is missing.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
