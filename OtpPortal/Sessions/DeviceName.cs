using Microsoft.Extensions.Localization;

namespace OtpPortal.Sessions;

/// <summary>Says what a browser is in words a person understands, such as "Firefox on Linux", from its User-Agent.</summary>
/// <remarks>A handful of names is enough for somebody to know their own device; the lists that tell every browser apart need feeding.</remarks>
internal static class DeviceName
{
    // The order matters: Edge and Opera also call themselves Chrome, and Chrome calls itself Safari.
    private static readonly (string Mark, string Name)[] s_browsers =
    [
        ("Edg/", "Edge"), ("EdgA/", "Edge"), ("EdgiOS/", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"), ("Vivaldi/", "Vivaldi"),
        ("FxiOS/", "Firefox"), ("Firefox/", "Firefox"), ("CriOS/", "Chrome"), ("HeadlessChrome/", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl"),
    ];

    private static readonly (string Mark, string Name)[] s_systems =
    [
        ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("CrOS", "ChromeOS"), ("Mac OS X", "macOS"), ("Linux", "Linux"),
    ];

    /// <summary>In English whatever the language: for comparing devices.</summary>
    public static string Of(string userAgent) => $"{Find(s_browsers, userAgent) ?? "?"} on {Find(s_systems, userAgent) ?? "?"}";

    public static string Of(string userAgent, IStringLocalizer texts)
    {
        var browser = Find(s_browsers, userAgent);
        var system = Find(s_systems, userAgent);
        return (browser, system) switch
        {
            (null, null) => texts["UnknownDevice"],
            (null, _) => system,
            (_, null) => browser,
            _ => texts["DeviceOn", browser, system],
        };
    }

    private static string? Find((string Mark, string Name)[] names, string userAgent)
    {
        foreach (var (mark, name) in names)
        {
            if (userAgent.Contains(mark, StringComparison.Ordinal)) return name;
        }
        return null;
    }
}
