using Microsoft.Extensions.Localization;
using OtpPortal.Http;

namespace OtpPortal.Components.Localization;

/// <summary>Formats waiting times and lifetimes for users.</summary>
internal static class DurationTexts
{
    /// <summary>Returns the localized reason why a form was rejected, or null if it was not.</summary>
    public static string? Reason(IStringLocalizer texts, PageStatus status) =>
        status.Reason is null ? null
        : status.Wait is { } wait ? texts[status.Reason, Wait(texts, wait)].Value
        : texts[status.Reason, status.Argument ?? ""].Value;

    /// <summary>Formats a waiting time. Rounded up, so that a user who waits this long is not rejected again.</summary>
    public static string Wait(IStringLocalizer texts, TimeSpan wait)
    {
        var seconds = (int)Math.Ceiling(wait.TotalSeconds);
        return seconds switch
        {
            <= 90 => texts["DurationSeconds", Math.Max(1, seconds)],
            <= 5400 => texts["DurationMinutes", (int)Math.Ceiling(seconds / 60.0)],
            _ => texts["DurationHours", (int)Math.Ceiling(seconds / 3600.0)],
        };
    }

    /// <summary>Formats a lifetime. Rounded down, so that it does not promise too much.</summary>
    public static string Lifetime(IStringLocalizer texts, TimeSpan lifetime) => lifetime switch
    {
        { TotalSeconds: < 60 } => texts["DurationSeconds", (int)lifetime.TotalSeconds],
        { TotalSeconds: < 120 } => texts["DurationMinute"],
        { TotalHours: <= 2 } => texts["DurationMinutes", (int)lifetime.TotalMinutes],
        { TotalDays: <= 2 } => texts["DurationHours", (int)lifetime.TotalHours],
        _ => texts["DurationDays", (int)lifetime.TotalDays],
    };
}
