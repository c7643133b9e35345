using Microsoft.Extensions.Localization;
using OtpPortal.Web;

namespace OtpPortal.SignIn;

/// <summary>Says how long to wait, as a person would.</summary>
internal static class WaitTexts
{
    /// <summary>Why a form was refused, in words; null when it was not.</summary>
    public static string? Reason(IStringLocalizer texts, PageStatus status) =>
        status.Reason is null ? null
        : status.Wait is { } wait ? texts[status.Reason, Of(texts, wait)].Value
        : texts[status.Reason, status.Argument ?? ""].Value;

    public static string Of(IStringLocalizer texts, TimeSpan wait)
    {
        var seconds = (int)Math.Ceiling(wait.TotalSeconds);
        return seconds switch
        {
            <= 90 => texts["DurationSeconds", Math.Max(1, seconds)],
            <= 5400 => texts["DurationMinutes", (int)Math.Ceiling(seconds / 60.0)],
            _ => texts["DurationHours", (int)Math.Ceiling(seconds / 3600.0)],
        };
    }
}
