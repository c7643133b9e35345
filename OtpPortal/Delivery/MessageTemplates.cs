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
    private static readonly string[] s_messages = ["sign-in", "new-device"];
    private readonly FrozenDictionary<string, HandlebarsTemplate<object, object>> _templates;

    public MessageTemplates()
    {
        var plain = Handlebars.Create(new HandlebarsConfiguration { NoEscape = true, ThrowOnUnresolvedBindingExpression = true });
        var html = Handlebars.Create(new HandlebarsConfiguration { ThrowOnUnresolvedBindingExpression = true });
        html.RegisterTemplate("layout", ReadText(Root + "layout.html"));

        var templates = new Dictionary<string, HandlebarsTemplate<object, object>>(StringComparer.Ordinal);
        foreach (var language in Languages)
        {
            foreach (var part in s_messages.SelectMany(message => (string[])[message + ".subject.txt", message + ".txt", message + ".html"]))
            {
                var name = $"{language}/{part}";
                templates[name] = (part.EndsWith(".html", StringComparison.Ordinal) ? html : plain).Compile(ReadText(Root + name));
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
        // What each message must show in all its parts but the subject.
        foreach (var (name, needed) in new[] { ("sign-in", "918273"), ("new-device", "192.0.2.1") })
        {
            var message = Fill(name, language, "", new Dictionary<string, object?>(StringComparer.Ordinal)
            {
                ["app_name"] = "<App>",
                ["code"] = "918273",
                ["duration"] = "5 minutes",
                ["device"] = "Firefox",
                ["ip"] = "192.0.2.1",
                ["time"] = "now",
                ["logo_url"] = "",
                ["accent"] = "#4340d2",
                ["portal_url"] = "https://example.com",
                ["language"] = language,
            });
            if (message.Subject.Length == 0 || message.Subject.Contains('\n', StringComparison.Ordinal)
                || (name == "sign-in" && !message.Subject.Contains(needed, StringComparison.Ordinal))
                || !message.Text.Contains(needed, StringComparison.Ordinal) || !message.Html.Contains(needed, StringComparison.Ordinal)
                || message.Html.Contains("<App>", StringComparison.Ordinal))
            {
                throw new InvalidOperationException($"The message {name} in {language} must show {needed} in text and HTML, and escape what it shows.");
            }
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
