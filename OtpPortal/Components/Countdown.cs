using System.Globalization;

namespace OtpPortal.Components;

/// <summary>
/// The time left until something happens. The browser counts it down (<c>data-countdown</c> in portal.js), so an open page does
/// not need an update every second.
/// </summary>
internal static class Countdown
{
    /// <summary>Returns minutes and seconds, rounded up, such as <c>4:59</c>.</summary>
    public static string Text(TimeSpan left)
    {
        var seconds = (int)Math.Ceiling(left.TotalSeconds);
        return string.Create(CultureInfo.InvariantCulture, $"{seconds / 60}:{seconds % 60:D2}");
    }

    /// <summary>Returns the value of <c>data-countdown</c>: milliseconds. Null without time left, which omits the attribute.</summary>
    public static string? Milliseconds(TimeSpan left) =>
        left > TimeSpan.Zero ? left.TotalMilliseconds.ToString("F0", CultureInfo.InvariantCulture) : null;
}
