using OtpPortal.Configuration;
using OtpPortal.Http;
using OtpPortal.Storage.Embedded;

namespace OtpPortal;

/// <summary>Reports why the portal does not start, for problems that the operator can fix.</summary>
internal static partial class StartupError
{
    /// <summary>Returns one line per problem, or null if the exception is a bug.</summary>
    public static IReadOnlyList<string>? Describe(Exception exception) => exception switch
    {
        SettingsException settings => settings.Errors,
        EmbeddedStoreException store => [store.Message],
        _ => exception.InnerException is { } inner ? Describe(inner) : null,
    };

    /// <summary>Writes the problems to standard error, or with LOG_FORMAT=json as log entries to standard output.</summary>
    /// <param name="logFormat">The value of LOG_FORMAT, which can be invalid.</param>
    public static async Task ReportAsync(IReadOnlyList<string> problems, string? logFormat)
    {
        if (!string.Equals(logFormat?.Trim(), TelemetrySettings.Json, StringComparison.OrdinalIgnoreCase))
        {
            await Console.Error.WriteLineAsync("OTP Portal cannot start:\n  " + string.Join("\n  ", problems) + FirstSteps(problems));
            return;
        }
        // Disposing of the factory writes what is queued.
        using var loggers = LoggerFactory.Create(logging => logging.AddConsole(json: true));
        var logger = loggers.CreateLogger(typeof(StartupError));
        foreach (var problem in problems) CannotStart(logger, problem);
    }

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

    [LoggerMessage(Level = LogLevel.Critical, Message = "OTP Portal cannot start: {Problem}")]
    private static partial void CannotStart(ILogger logger, string problem);
}
