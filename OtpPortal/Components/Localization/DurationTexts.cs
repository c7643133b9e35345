using Microsoft.Extensions.Localization;
using OtpPortal.Http;

namespace OtpPortal.Components.Localization;

/// <summary>Says how long to wait, or how long something is good, as a person would.</summary>
internal static class DurationTexts
{
    /// <summary>Why a form was refused, in words; null when it was not.</summary>
    public static string? Reason(IStringLocalizer texts, PageStatus status) =>
        status.Reason is null ? null
        : status.Wait is { } wait ? texts[status.Reason, Wait(texts, wait)].Value
        : texts[status.Reason, status.Argument ?? ""].Value;

    /// <summary>Rounded up: who waits as told is not refused again.</summary>
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

    /// <summary>Rounded down: nobody is promised more than there is.</summary>
    public static string Lifetime(IStringLocalizer texts, TimeSpan lifetime) => lifetime switch
    {
        { TotalSeconds: < 60 } => texts["DurationSeconds", (int)lifetime.TotalSeconds],
        { TotalSeconds: < 120 } => texts["DurationMinute"],
        { TotalHours: <= 2 } => texts["DurationMinutes", (int)lifetime.TotalMinutes],
        { TotalDays: <= 2 } => texts["DurationHours", (int)lifetime.TotalHours],
        _ => texts["DurationDays", (int)lifetime.TotalDays],
    };
}
