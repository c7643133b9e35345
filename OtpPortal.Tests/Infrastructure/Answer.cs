using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using AngleSharp.Dom;
using AngleSharp.Html.Dom;
using AngleSharp.Html.Parser;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>A Set-Cookie header of a response.</summary>
public sealed record CookieLine(string Name, string Value, IReadOnlyDictionary<string, string> Attributes)
{
    public bool IsRemoval => MaxAge == 0;

    public long? MaxAge => Attributes.TryGetValue("max-age", out var seconds) ? long.Parse(seconds, CultureInfo.InvariantCulture) : null;

    public bool Has(string attribute) => Attributes.ContainsKey(attribute);

    public static CookieLine Parse(string line)
    {
        var parts = line.Split(';', StringSplitOptions.TrimEntries);
        var attributes = parts.Skip(1).Select(part => part.Split('=', 2))
            .ToDictionary(part => part[0].ToLowerInvariant(), part => part.Length > 1 ? part[1] : "", StringComparer.Ordinal);
        var pair = parts[0].Split('=', 2);
        return new CookieLine(pair[0], Uri.UnescapeDataString(pair[1]), attributes);
    }
}

/// <summary>A response of the portal with its body.</summary>
public sealed record Answer(int Status, HttpResponseHeaders Headers, HttpContentHeaders ContentHeaders, string Body)
{
    public string? Location => Headers.Location?.OriginalString;

    public IReadOnlyList<CookieLine> Cookies =>
        Headers.TryGetValues("Set-Cookie", out var lines) ? [.. lines.Select(CookieLine.Parse)] : [];

    public string ContentType => ContentHeaders.ContentType?.ToString() ?? "";

    /// <summary>Gets the value of <c>Retry-After</c> in seconds. Throws if it is missing or not a whole number.</summary>
    public int RetryAfter =>
        int.Parse(Header("Retry-After").ShouldNotBeNull("Retry-After is needed"), NumberStyles.None, CultureInfo.InvariantCulture);

    public JsonElement Json => JsonDocument.Parse(Body).RootElement;

    public IHtmlDocument Page => new HtmlParser().ParseDocument(Body);

    /// <summary>Gets the visible text with collapsed whitespace.</summary>
    public string Text => string.Join(' ', (Page.Body?.TextContent ?? "").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    public string? Header(string name) =>
        Headers.TryGetValues(name, out var values) || ContentHeaders.TryGetValues(name, out values) ? string.Join(", ", values) : null;

    public CookieLine? Cookie(string name) => Cookies.LastOrDefault(cookie => cookie.Name == name);

    /// <summary>Gets the error message at the field.</summary>
    public string? FieldError => Page.QuerySelector(".portal-error")?.TextContent.Trim();

    public IElement? Find(string selector) => Page.QuerySelector(selector);
}
