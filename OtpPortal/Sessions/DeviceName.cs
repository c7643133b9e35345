using Microsoft.Extensions.Localization;

namespace OtpPortal.Sessions;

/// <summary>The kind of a device.</summary>
internal enum DeviceKind
{
    Other,
    Desktop,
    Mobile,
}

/// <summary>Names a device by its browser and system, such as "Firefox on Linux", from the User-Agent header.</summary>
/// <remarks>A few names let users recognize their devices; a complete list of browsers would need constant updates.</remarks>
internal static class DeviceName
{
    // The order matters: Edge and Opera also call themselves Chrome, and Chrome calls itself Safari.
    private static readonly (string Mark, string Name)[] s_browsers =
    [
        ("Edg/", "Edge"), ("EdgA/", "Edge"), ("EdgiOS/", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"),
        ("Vivaldi/", "Vivaldi"),
        ("FxiOS/", "Firefox"), ("Firefox/", "Firefox"), ("CriOS/", "Chrome"), ("HeadlessChrome/", "Chrome"), ("Chrome/", "Chrome"),
        ("Safari/", "Safari"), ("curl/", "curl"),
    ];

    private static readonly (string Mark, string Name)[] s_systems =
    [
        ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("CrOS", "ChromeOS"), ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];

    /// <summary>Returns the English name, for comparisons.</summary>
    public static string Of(string userAgent) => $"{Find(s_browsers, userAgent) ?? "?"} on {Find(s_systems, userAgent) ?? "?"}";

    /// <summary>Returns the name in the user's language, for display.</summary>
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

    /// <summary>Returns the kind of the device.</summary>
    public static DeviceKind KindOf(string userAgent) => Find(s_systems, userAgent) switch
    {
        "iPhone" or "iPad" or "Android" => DeviceKind.Mobile,
        not null => DeviceKind.Desktop,
        null => DeviceKind.Other,
    };

    private static string? Find((string Mark, string Name)[] names, string userAgent)
    {
        foreach (var (mark, name) in names)
        {
            if (userAgent.Contains(mark, StringComparison.Ordinal)) return name;
        }
        return null;
    }
}
