using System.Globalization;

namespace OtpPortal.Components;

/// <summary>
/// Derives readable colors from ACCENT_COLOR. Contrast is that of WCAG 2.2: 4.5:1 for text (1.4.3).
/// </summary>
internal readonly record struct AccentColor(string Hex)
{
    private const double MinContrast = 4.5;

    // As in portal.css: the tint of a button on a card during hover, which has the lowest contrast.
    private static readonly double s_lightSurface = Luminance("#ebebeb");
    private static readonly double s_darkSurface = Luminance("#2e333d");

    /// <summary>Black or white, whichever has the higher contrast on the color.</summary>
    public string Text => Luminance(Hex) > 0.179 ? "#000" : "#fff";

    /// <summary>The color for links and focus rings on a light surface: darkened as far as the contrast requires.</summary>
    public string LinkOnLight => Mixed(0, s_lightSurface);

    /// <summary>The color for links and focus rings on a dark surface: lightened as far as the contrast requires.</summary>
    public string LinkOnDark => Mixed(255, s_darkSurface);

    internal static double Contrast(double one, double other) => (Math.Max(one, other) + 0.05) / (Math.Min(one, other) + 0.05);

    internal static double Luminance(string hex)
    {
        double Channel(int start)
        {
            var value = ChannelOf(hex, start) / 255.0;
            return value <= 0.04045 ? value / 12.92 : Math.Pow((value + 0.055) / 1.055, 2.4);
        }

        return (0.2126 * Channel(1)) + (0.7152 * Channel(3)) + (0.0722 * Channel(5));
    }

    private static int ChannelOf(string hex, int start) =>
        int.Parse(hex.AsSpan(start, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private string Mixed(int end, double surface)
    {
        var color = Hex;
        for (var share = 0; share <= 100 && Contrast(Luminance(color), surface) < MinContrast; share += 4)
        {
            int Mix(int start, string hex) => ((ChannelOf(hex, start) * (100 - share)) + (end * share)) / 100;
            color = string.Create(CultureInfo.InvariantCulture, $"#{Mix(1, Hex):x2}{Mix(3, Hex):x2}{Mix(5, Hex):x2}");
        }
        return color;
    }
}
