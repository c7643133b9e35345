using System.Reflection;
using HandlebarsDotNet;

namespace OtpPortal.Delivery;

/// <summary>Compiles templates. Values are escaped in HTML. Rendering fails if a template uses an unknown value.</summary>
internal sealed class TemplateCompiler
{
    private const string Root = "OtpPortal.Templates/";

    private readonly Lock _lock = new();

    private readonly IHandlebars _plain =
        Handlebars.Create(new HandlebarsConfiguration { NoEscape = true, ThrowOnUnresolvedBindingExpression = true });

    private readonly IHandlebars _html = Handlebars.Create(new HandlebarsConfiguration { ThrowOnUnresolvedBindingExpression = true });

    public TemplateCompiler()
    {
        foreach (var part in (ReadOnlySpan<string>)["layout", "service", "code"]) _html.RegisterTemplate(part, ReadBuiltIn(part + ".html"));
    }

    /// <param name="file">The file name; its suffix distinguishes HTML from text.</param>
    public HandlebarsTemplate<object, object> Compile(string file, string text)
    {
        // Handlebars does not promise that several threads may compile at once.
        lock (_lock) return (file.EndsWith(".html", StringComparison.Ordinal) ? _html : _plain).Compile(text);
    }

    /// <summary>Compiles an embedded template.</summary>
    public HandlebarsTemplate<object, object> CompileBuiltIn(string file) => Compile(file, ReadBuiltIn(file));

    /// <summary>Returns the first line of Handlebars' error message.</summary>
    public static string FirstLine(Exception e) => e.Message.Split('\n')[0].Trim();

    private static string ReadBuiltIn(string file)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Root + file)
            ?? throw new InvalidOperationException($"The template {file} is missing.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
