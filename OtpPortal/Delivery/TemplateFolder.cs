using HandlebarsDotNet;
using OtpPortal.Configuration;

namespace OtpPortal.Delivery;

/// <summary>
/// Reads TEMPLATES_DIR. Its files replace built-in templates: <c>{message}.txt</c> and so on for a message, <c>{provider}.txt</c> for the
/// gateway's messages by that provider. In a folder <c>{language}</c> they replace that language alone.
/// </summary>
internal static class TemplateFolder
{
    public const string Setting = "TEMPLATES_DIR";

    private const string AnyLanguage = "";

    /// <summary>Returns the templates by <c>{language}/{file}</c>. Each file that cannot be used adds an error.</summary>
    public static Dictionary<string, HandlebarsTemplate<object, object>> Read(SettingsReader reader)
    {
        var templates = new Dictionary<string, HandlebarsTemplate<object, object>>(StringComparer.Ordinal);
        if (reader.Text(Setting) is not { } name) return templates;
        var folder = Path.Combine(reader.RootDirectory, name);
        var compiler = new TemplateCompiler();
        IReadOnlyList<string> names =
            [.. MessageKind.All.Select(kind => kind.Name), .. DeliveryServices.ReservedNames, .. reader.List("WEBHOOKS")];
        try
        {
            foreach (var language in MessageTemplates.Languages.Prepend(AnyLanguage))
            {
                foreach (var path in FilesOf(folder, language)) Add(reader, templates, compiler, names, language, path);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            reader.AddError($"{Setting} cannot be read: {TemplateCompiler.FirstLine(e)}");
        }
        return templates;
    }

    /// <summary>Returns the key of a template for one language.</summary>
    public static string KeyOf(string language, string name, string part) => $"{language}/{name}{part}";

    /// <summary>Returns the key of a template for all languages.</summary>
    public static string KeyOfAnyLanguage(string name, string part) => KeyOf(AnyLanguage, name, part);

    /// <summary>Returns the message or the provider of a key.</summary>
    public static string NameOf(string key)
    {
        var file = key[(key.IndexOf('/', StringComparison.Ordinal) + 1)..];
        return file[..^MessageKind.PartOf(file)!.Length];
    }

    private static IEnumerable<string> FilesOf(string folder, string language)
    {
        var place = Path.Combine(folder, language);
        if (language != AnyLanguage && !Directory.Exists(place)) return [];
        return Directory.EnumerateFiles(place)
            .Where(path => MessageKind.PartOf(Path.GetFileName(path)) is not null)
            .Order(StringComparer.Ordinal);
    }

    private static void Add(
        SettingsReader reader,
        Dictionary<string, HandlebarsTemplate<object, object>> templates,
        TemplateCompiler compiler,
        IReadOnlyList<string> names,
        string language,
        string path)
    {
        var file = Path.GetFileName(path);
        if (!names.Contains(file[..^MessageKind.PartOf(file)!.Length], StringComparer.Ordinal))
        {
            reader.AddError(
                Setting, file, $"a directory of NAME.subject.txt, NAME.txt and NAME.html, with NAME one of {string.Join(", ", names)}");
            return;
        }
        try
        {
            templates[$"{language}/{file}"] = compiler.Compile(file, File.ReadAllText(path));
        }
        // Handlebars reports what it cannot parse by exceptions that have no common base class.
        catch (Exception e) when (e is not (IOException or UnauthorizedAccessException))
        {
            reader.AddError($"{Setting}: {Path.Combine(language, file)} cannot be parsed: {TemplateCompiler.FirstLine(e)}");
        }
    }
}
