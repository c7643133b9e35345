using System.Globalization;
using OtpPortal.Configuration;
using OtpPortal.Security;

namespace OtpPortal.Components;

/// <summary>The operator's style sheet for all pages.</summary>
/// <param name="Path">The URL, which changes with the content so that browsers may keep the file.</param>
public sealed record CustomStylesheet(string Path, string Text);

/// <summary>Reads CUSTOM_CSS_FILE once at startup. Null without the setting.</summary>
public sealed record CustomStyles(CustomStylesheet? Sheet) : ISettings<CustomStyles>
{
    private const string Setting = "CUSTOM_CSS_FILE";
    private const int MaxLength = 256 * 1024;

    public static CustomStyles Read(SettingsReader reader)
    {
        if (reader.Text(Setting) is not { } name) return new CustomStyles(Sheet: null);
        var path = Path.Combine(reader.RootDirectory, name);
        var text = "";
        try
        {
            text = File.ReadAllText(path);
            if (text.Length > MaxLength) reader.AddError($"{Setting} must be at most 256 KB, but {path} is larger.");
            else if (FindMistake(text) is { } mistake) reader.AddError($"{Setting} must be a valid style sheet, but in {path}, {mistake}.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            reader.AddError($"{Setting} must be a readable style sheet, but {path} cannot be read: {e.Message}");
        }
        return new CustomStyles(new CustomStylesheet($"/css/custom-{Digest.Of(text)[..10]}.css", text));
    }

    public static void Map(IEndpointRouteBuilder routes)
    {
        if (routes.ServiceProvider.GetRequiredService<CustomStyles>().Sheet is not { } sheet) return;
        routes.MapGet(sheet.Path, (HttpResponse response) =>
        {
            response.Headers.CacheControl = "public, max-age=31536000, immutable";
            return TypedResults.Text(sheet.Text, "text/css; charset=utf-8");
        });
    }

    /// <summary>
    /// Finds the first mistake that makes browsers ignore the rest of the file: a block, string or comment that does not end, or a
    /// closing brace without a block. Browsers report other mistakes in their console and skip one declaration.
    /// </summary>
    private static string? FindMistake(string text)
    {
        var open = new Stack<int>();
        var line = 1;
        for (var at = 0; at < text.Length; at++)
        {
            switch (text[at])
            {
                case '\n':
                    line++;
                    break;
                case '{':
                    open.Push(line);
                    break;
                case '}' when !open.TryPop(out _):
                    return Line(line, "a } closes no block");
                case '/' when text.AsSpan(at).StartsWith("/*"):
                    var end = text.IndexOf("*/", at + 2, StringComparison.Ordinal);
                    if (end < 0) return Line(line, "the comment does not end");
                    line += text.AsSpan(at, end - at).Count('\n');
                    at = end + 1;
                    break;
                case '"' or '\'':
                    var quote = text[at];
                    for (at++; at < text.Length && text[at] != quote && text[at] != '\n'; at++)
                    {
                        if (text[at] == '\\') at++;
                    }
                    if (at >= text.Length || text[at] != quote) return Line(line, "the string does not end");
                    break;
            }
        }
        return open.TryPop(out var start) ? Line(start, "the block does not end") : null;

        static string Line(int line, string mistake) => string.Create(CultureInfo.InvariantCulture, $"line {line}, {mistake}");
    }
}
