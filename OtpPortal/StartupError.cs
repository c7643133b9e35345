using OtpPortal.Configuration;
using OtpPortal.Storage.Embedded;

namespace OtpPortal;

/// <summary>Describes why the portal does not start, for problems that the operator can fix.</summary>
internal static class StartupError
{
    /// <summary>Returns one line per problem, or null if the exception is a bug.</summary>
    public static string? Describe(Exception exception) => exception switch
    {
        SettingsException settings => "OTP Portal cannot start:\n  " + string.Join("\n  ", settings.Errors),
        EmbeddedStoreException store => "OTP Portal cannot start:\n  " + store.Message,
        _ => exception.InnerException is { } inner ? Describe(inner) : null,
    };
}
