using System.Collections.Frozen;
using System.Reflection;
using HandlebarsDotNet;
using OtpPortal.Configuration;
using OtpPortal.Http;

namespace OtpPortal.Delivery;

/// <summary>
/// The texts of messages: <c>Templates/{language}/{name}.subject.txt</c>, <c>.txt</c> and <c>.html</c>, in Handlebars; an SMS has the text
/// alone. In HTML every value is escaped. All are compiled and filled in once at the start, so a mistake stops the start and not a sign-in.
/// </summary>
/// <remarks>
/// TEMPLATES_DIR names a folder whose files stand in for them: <c>{message}.txt</c> and so on for a message of the portal's or the gateway's,
/// <c>{provider}.txt</c> for the gateway's messages by one provider; in a folder <c>{language}</c> for that language alone.
/// </remarks>
public sealed class MessageTemplates
{
    /// <summary>Languages that every template exists in.</summary>
    public static readonly IReadOnlyList<string> Languages = ["en", "de", "fr", "es", "zh"];

    private const string Setting = "TEMPLATES_DIR";
    private const string Root = "OtpPortal.Templates/";
    private const string Code = "918273";
    private const string Device = "192.0.2.1";
    private const string Link = "https://example.com/magic-link";
    private const string AnyLanguage = "";

    // The theme's own colour.
    private const string Accent = "#4340d2";
    private const string GatewayCode = "gateway-code";

    private static readonly string[] s_parts = [".subject.txt", ".html", ".txt"];

    private static readonly string[] s_everywhere = ["app_name", "logo_url", "accent", "portal_url", "language"];
    private static readonly string[] s_signIn = [.. s_everywhere, "code", "duration", "link_url", "host"];
    private static readonly string[] s_gateway = [.. s_everywhere, "namespace", "channel", "to", "code", "duration", "url", "host"];
    private static readonly string[] s_account =
        [.. s_everywhere, "service_name", "subject", "title", "greeting", "sub_title", "logo_image_url", "logo_click_url", "code", "code_duration"];

    // What each message must show, in what parts; and what it may name, which whoever fills it in brings along.
    private static readonly Kind[] s_kinds =
    [
        new("sign-in", s_parts, Code, s_signIn),
        new("new-device", s_parts, Device, [.. s_everywhere, "device", "ip", "time"]),
        new("sign-in-sms", [".txt"], Code, s_signIn),
        new(GatewayCode, s_parts, Code, s_gateway),
        new("gateway-sms", [".txt"], Code, s_gateway),
        new("api-code", s_parts, Code, s_account),
        new("api-link", s_parts, Link, [.. s_account, "link", "duration", "button_text"]),
    ];

    // Compiling them all takes tenths of a second, and they are the same for every instance of a process.
    private static readonly Lazy<FrozenDictionary<string, HandlebarsTemplate<object, object>>> s_builtIn = new(CompileBuiltIn);
    private static readonly Lazy<IReadOnlyList<string>> s_builtInComplaints = new(() => new MessageTemplates().Check());

    private readonly FrozenDictionary<string, HandlebarsTemplate<object, object>> _own;

    public MessageTemplates()
        : this([])
    {
    }

    private MessageTemplates(IReadOnlyCollection<KeyValuePair<string, HandlebarsTemplate<object, object>>> own) =>
        _own = own.ToFrozenDictionary(StringComparer.Ordinal);

    private static FrozenDictionary<string, HandlebarsTemplate<object, object>> CompileBuiltIn()
    {
        var (plain, html) = (Plain(), Html());
        var templates = new Dictionary<string, HandlebarsTemplate<object, object>>(StringComparer.Ordinal);
        foreach (var language in Languages)
        {
            foreach (var part in s_kinds.SelectMany(kind => kind.Parts.Select(part => kind.Name + part)))
            {
                var text = ReadText($"{Root}{language}/{part}");
                templates[$"{language}/{part}"] = (part.EndsWith(".html", StringComparison.Ordinal) ? html : plain).Compile(text);
            }
        }
        return templates.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>What every message may show; whoever fills one in adds its own.</summary>
    internal static Dictionary<string, object?> FrameOf(PortalSettings portal, string language) => new(StringComparer.Ordinal)
    {
        ["app_name"] = portal.AppName,
        ["logo_url"] = portal.LogoUrl?.ToString() ?? "",
        ["accent"] = portal.AccentColor ?? Accent,
        ["portal_url"] = portal.Origin,
        ["language"] = language,
    };

    /// <summary>Fills a message in. Unknown languages get English.</summary>
    public Message Fill(string name, string language, string to, IReadOnlyDictionary<string, object?> values) => Fill([name], language, to, values);

    /// <summary>Fills one of the gateway's messages in, with the texts of this provider where it has its own.</summary>
    public Message Fill(string name, string language, string to, IReadOnlyDictionary<string, object?> values, string provider) => Fill([provider, name], language, to, values);

    /// <summary>Reads TEMPLATES_DIR, when it is set; each file that cannot be used is a complaint.</summary>
    internal static MessageTemplates Read(SettingsReader reader)
    {
        var own = new Dictionary<string, HandlebarsTemplate<object, object>>(StringComparer.Ordinal);
        if (reader.Text(Setting) is { } folder) ReadFolder(reader, Path.Combine(reader.RootDirectory, folder), own);
        var templates = new MessageTemplates(own);
        foreach (var complaint in own.Count == 0 ? s_builtInComplaints.Value : templates.Check()) reader.AddError(complaint);
        return templates;
    }

    private List<string> Check()
    {
        var complaints = new List<string>();
        var providers = _own.Keys.Select(NameOf).Where(name => !s_kinds.Any(kind => kind.Name == name)).Distinct(StringComparer.Ordinal).ToList();
        foreach (var language in Languages)
        {
            foreach (var kind in s_kinds) Check(complaints, kind, language, []);
            // A provider's own texts take the place of the gateway's.
            foreach (var provider in providers) Check(complaints, s_kinds.Single(kind => kind.Name == GatewayCode), language, [provider]);
        }
        return complaints;
    }

    private Message Fill(string[] names, string language, string to, IReadOnlyDictionary<string, object?> values)
    {
        var folder = Languages.Contains(language, StringComparer.Ordinal) ? language : "en";
        var isSms = Array.Find(s_kinds, kind => kind.Name == names[^1])?.Parts.Length == 1;
        var text = FillPart(names, folder, ".txt", values);
        return new Message(
            to,
            FillPart(names, folder, ".subject.txt", values).Trim(),
            // The browser looks for the code on the very last line of an SMS.
            isSms ? text.Trim() : text,
            isSms ? "" : FillPart(names, folder, ".html", values));
    }

    private string FillPart(string[] names, string language, string part, IReadOnlyDictionary<string, object?> values)
    {
        foreach (var name in names)
        {
            if (_own.TryGetValue($"{language}/{name}{part}", out var template) || _own.TryGetValue($"{AnyLanguage}/{name}{part}", out template)) return template(values);
        }
        return s_builtIn.Value.TryGetValue($"{language}/{names[^1]}{part}", out var builtIn) ? builtIn(values) : "";
    }

    private static void ReadFolder(SettingsReader reader, string folder, Dictionary<string, HandlebarsTemplate<object, object>> own)
    {
        var (plain, html) = (Plain(), Html());
        IReadOnlyList<string> names = [.. s_kinds.Select(kind => kind.Name), .. ProviderSettings.BuiltIn, .. reader.List("WEBHOOKS")];
        try
        {
            foreach (var (language, place) in Languages.Select(language => (language, Path.Combine(folder, language))).Prepend((AnyLanguage, folder)))
            {
                if (language != AnyLanguage && !Directory.Exists(place)) continue;
                foreach (var path in Directory.EnumerateFiles(place).Where(path => Path.GetExtension(path) is ".txt" or ".html").Order(StringComparer.Ordinal))
                {
                    var file = Path.GetFileName(path);
                    var part = Array.Find(s_parts, part => file.EndsWith(part, StringComparison.Ordinal))!;
                    if (!names.Contains(file[..^part.Length], StringComparer.Ordinal))
                    {
                        reader.AddError(Setting, file, $"files NAME.subject.txt, NAME.txt and NAME.html with NAME one of {string.Join(", ", names)}");
                        continue;
                    }
                    try
                    {
                        own[$"{language}/{file}"] = (part == ".html" ? html : plain).Compile(File.ReadAllText(path));
                    }
                    // Handlebars has several kinds of exceptions for what cannot be parsed, without a common root.
                    catch (Exception e) when (e is not (IOException or UnauthorizedAccessException))
                    {
                        reader.AddError($"{Setting}: {Path.Combine(language, file)} does not parse: {FirstLine(e)}");
                    }
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            reader.AddError($"{Setting} cannot be read: {FirstLine(e)}");
        }
    }

    private void Check(List<string> complaints, Kind kind, string language, string[] before)
    {
        var name = before.Length > 0 ? before[0] : kind.Name;
        try
        {
            var samples = Samples(language);
            var message = Fill([.. before, kind.Name], language, "", kind.Values.ToDictionary(value => value, value => samples[value], StringComparer.Ordinal));
            // A text of the operator's own may show the link alone, where there is one.
            bool Shows(string part) => part.Contains(kind.Needed, StringComparison.Ordinal) || (before.Length > 0 && part.Contains("https://example.com/otp", StringComparison.Ordinal));
            var isMail = kind.Parts.Length > 1;
            if ((isMail && message.Subject.Length == 0) || message.Subject.Contains('\n', StringComparison.Ordinal)
                || (kind.Name == "sign-in" && !Shows(message.Subject)) || !Shows(message.Text) || (isMail && !Shows(message.Html))
                || message.Html.Contains("<App>", StringComparison.Ordinal))
            {
                complaints.Add($"{Setting}: the message {name} ({language}) needs a subject of one line, must show {(kind.Needed == Code ? "{{code}}" : kind.Needed == Link ? "{{link}}" : "{{ip}}")} in text and HTML, and escape what it shows in HTML.");
            }
        }
        // As above: a name that is no value of the message, or a helper that there is not.
        catch (Exception e)
        {
            complaints.Add($"{Setting}: the message {name} ({language}) cannot be filled in: {FirstLine(e)}");
        }
    }

    private static Dictionary<string, object?> Samples(string language) => new(StringComparer.Ordinal)
    {
        ["app_name"] = "<App>",
        ["namespace"] = "<App>",
        ["channel"] = "E-mail",
        ["to"] = "ann@example.com",
        ["code"] = Code,
        ["duration"] = "5 minutes",
        ["url"] = "https://example.com/otp/App/123456",
        ["link_url"] = "https://example.com/login/link?token=123456",
        ["host"] = "example.com",
        ["device"] = "Firefox",
        ["ip"] = Device,
        ["time"] = "now",
        ["logo_url"] = "",
        ["accent"] = Accent,
        ["portal_url"] = "https://example.com",
        ["language"] = language,
        ["service_name"] = "<App>",
        ["subject"] = "Sign in",
        ["title"] = "Sign in to <App>",
        ["greeting"] = "Hello <App>",
        ["sub_title"] = "",
        ["button_text"] = "Sign in",
        ["logo_image_url"] = "",
        ["logo_click_url"] = "",
        ["code_duration"] = "5 minutes",
        ["link"] = Link,
    };

    private static IHandlebars Plain() => Handlebars.Create(new HandlebarsConfiguration { NoEscape = true, ThrowOnUnresolvedBindingExpression = true });

    private static IHandlebars Html()
    {
        var html = Handlebars.Create(new HandlebarsConfiguration { ThrowOnUnresolvedBindingExpression = true });
        html.RegisterTemplate("layout", ReadText(Root + "layout.html"));
        html.RegisterTemplate("service", ReadText(Root + "service.html"));
        return html;
    }

    private static string NameOf(string key)
    {
        var file = key[(key.IndexOf('/', StringComparison.Ordinal) + 1)..];
        return file[..^Array.Find(s_parts, part => file.EndsWith(part, StringComparison.Ordinal))!.Length];
    }

    private static string FirstLine(Exception e) => e.Message.Split('\n')[0].Trim();

    private static string ReadText(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"The template {name} is missing.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private sealed record Kind(string Name, string[] Parts, string Needed, string[] Values);
}
