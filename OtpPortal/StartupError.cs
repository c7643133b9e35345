using OtpPortal.Configuration;
using OtpPortal.Storage.Embedded;

namespace OtpPortal;

/// <summary>Describes why the portal does not start, for problems that the operator can fix.</summary>
internal static class StartupError
{
    /// <summary>Returns one line per problem, or null if the exception is a bug.</summary>
    public static string? Describe(Exception exception) => exception switch
    {
        SettingsException settings => "OTP Portal cannot start:\n  " + string.Join("\n  ", settings.Errors) + FirstSteps(settings.Errors),
        EmbeddedStoreException store => "OTP Portal cannot start:\n  " + store.Message,
        _ => exception.InnerException is { } inner ? Describe(inner) : null,
    };

    // Nothing has been set up yet.
    private static string FirstSteps(IReadOnlyList<string> errors) => !errors.Any(IsMissing("AUTH_SECRET_KEY")) ? "" : $"""


        To set up a new portal, answer five questions: {InitCommand.Program} init
        Or set these three yourself:
          AUTH_SECRET_KEY  the output of: openssl rand -hex 32
          PUBLIC_URL       the URL that users open, such as https://login.example.com
          MAIL_TRANSPORT   postmark with POSTMARK_SERVER_TOKEN, smtp with SMTP_HOST, or mailbox to try it out
        """;

    private static Func<string, bool> IsMissing(string setting) =>
        error => error.StartsWith(setting + " is missing", StringComparison.Ordinal);
}
