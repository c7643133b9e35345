using OtpPortal.Configuration;
using OtpPortal.Storage.Embedded;

namespace OtpPortal;

/// <summary>Tells why the portal does not start, when a setting can fix it.</summary>
internal static class StartProblem
{
    /// <summary>One line a problem, or null when it is a fault of the program.</summary>
    public static string? Describe(Exception exception) => exception switch
    {
        SettingsException settings => "OTP Portal cannot start:\n  " + string.Join("\n  ", settings.Errors),
        EmbeddedStoreException store => "OTP Portal cannot start:\n  " + store.Message,
        _ => exception.InnerException is { } inner ? Describe(inner) : null,
    };
}
