using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using OtpPortal.Configuration;
using OtpPortal.Delivery;
using OtpPortal.Gateway;
using OtpPortal.Http;

namespace OtpPortal.JOtp;

/// <summary>The API of jOTP: <c>/jotp/</c> and <c>/jotp/sessions</c>.</summary>
public static class JOtpEndpoints
{
    private const string Policy = "JOtp";
    private const int MaxBody = 1024 * 1024;
    private const int MaxTokenBody = 1024;
    private const int MaxSubject = 2000;

    // jOTP has no bounds, so every positive value is accepted; but a token can be guessed, so none is valid for longer than an hour.
    private static readonly TimeSpan s_minLifetime = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_maxLifetime = TimeSpan.FromHours(1);

    public static WebApplicationBuilder AddJOtp(this WebApplicationBuilder builder)
    {
        builder.AddSettings<JOtpSettings>();
        builder.Services.AddSingleton<JOtpSessions>();
        builder.Services.AddAuthorizationBuilder().AddPolicy(Policy, policy => policy
            .AddAuthenticationSchemes(NamespaceHandler.SchemeName)
            .RequireAssertion(context => context.User.Identity?.IsAuthenticated == true || MayBeAnonymous((HttpContext)context.Resource!)));
        return builder;
    }

    public static void MapJOtp(this IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/jotp").NoStore().WithGroupName(GatewayEndpoints.Document).WithTags("jOTP");
        api.MapMethods("/", ["GET", "HEAD"], () => TypedResults.Text("OK"))
            .Describe("jotp", "Check whether the jOTP API is available").AnswersText(200, "The API is available.", "OK");
        api.MapPost("/sessions", BeginAsync).RequireAuthorization(Policy).WithCredentialsInHeader().MaxBody(MaxBody)
            .InDocument(GatewayEndpoints.Document, "jOTP").TakesJson(typeof(SessionRequest))
            .AnswersQuota("namespace", "LIMIT_REQUESTS_PER_NAMESPACE")
            .Describe(
                "beginSession", "Send a token by email",
                "With JOTP_ANONYMOUS=true, credentials are optional. Responses without credentials have no RateLimit header.")
            .Answers(
                201, "The email was sent.").AnswersHeader("Location", "The session, for the token to be posted "
                    + "to.", 201)
            .Answers(400, "A field is invalid. The message names it.")
            .Answers(401, "The Basic credentials are missing, malformed or wrong.")
            .AnswersHeader("WWW-Authenticate", "Basic.", 401)
            .Answers(413, "The body is larger than 1 MB.")
            .Answers(429, $"A limit blocked the message, or {GatewayEndpoints.Busy}")
            .Answers(502, "The email could not be sent.");
        // The id cannot be guessed and its attempts are limited, so it needs no credentials of its own.
        api.MapPost("/sessions/{id}", TryAsync).WithCredentialsInHeader().MaxBody(MaxTokenBody)
            .InDocument(GatewayEndpoints.Document, "jOTP").WithMetadata(new ApiBody(typeof(string), ["text/plain"]))
            .Describe("trySession", "Check a token", "The body is the token.")
            .AnswersText(200, "The token is correct.", "")
            .Answers(404, "The token is incorrect or used, or the session is locked, expired or unknown. The response does not tell which.")
            .Answers(413, "The body is larger than 1 KB.");
    }

    // A client that sends credentials must send right ones, also where none are needed.
    private static bool MayBeAnonymous(HttpContext context) =>
        context.RequestServices.GetRequiredService<JOtpSettings>().Anonymous && context.Request.Headers.Authorization.Count == 0;

    private static async Task<IResult> BeginAsync(
        HttpContext context, JOtpSessions sessions, GatewaySettings gateway, PortalSettings portal)
    {
        if (Read(await ReadBodyAsync(context), portal.AppName, gateway.Terms.Lifetime, out var problem) is not { } request)
        {
            return Problem.Result(StatusCodes.Status400BadRequest, "bad_request", problem);
        }
        var client = context.User.Identity is { IsAuthenticated: true } ? null : ClientAddress.LimitKey(context);
        switch (await sessions.BeginAsync(request, ClientAddress.Of(context), client, context.RequestAborted))
        {
            case BeginJOtpOutcome.Begun(var session):
                context.Response.Headers.Location = $"{portal.Origin}/jotp/sessions/{session}";
                return TypedResults.Text("", statusCode: StatusCodes.Status201Created);
            case BeginJOtpOutcome.Limited(var wait):
                context.Response.Headers.RetryAfter = Problem.Seconds(wait);
                return Problem.Result(StatusCodes.Status429TooManyRequests, "too_many_requests",
                    "Too many messages to this address or from this client. Try again later.");
            case BeginJOtpOutcome.NotSent:
                return Problem.Result(StatusCodes.Status502BadGateway, "not_sent", "The email could not be sent.");
            default:
                throw new UnreachableException();
        }
    }

    private static async Task<IResult> TryAsync(
        HttpContext context, [Description("The id from the Location header.")] string id, JOtpSessions sessions)
    {
        var token = Encoding.UTF8.GetString(await ReadBodyAsync(context)).Trim();
        return id.Length == 32 && id.All(char.IsAsciiLetterOrDigit)
            && token.Length > 0 && await sessions.TryAsync(id, token, ClientAddress.Of(context))
            ? TypedResults.Text("")
            // Wrong, used, locked, expired and unknown look the same.
            : Problem.Result(StatusCodes.Status404NotFound, "not_found", "The token is not valid for this session.");
    }

    private static async Task<byte[]> ReadBodyAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        return body.ToArray();
    }

    private static JOtpRequest? Read(byte[] body, string appName, TimeSpan lifetime, out string complaint)
    {
        complaint = "The body must be a JSON object with email, subject, message and ttl.";
        JsonElement root;
        try
        {
            using var document = JsonDocument.Parse(body);
            root = document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
        if (root.ValueKind != JsonValueKind.Object) return null;
        if (!JsonTexts.AreUnicode(root))
        {
            complaint = "The body must contain valid Unicode only.";
            return null;
        }

        if (!EmailAddress.TryParse(Text(root, "email"), out var email))
        {
            complaint = "email must be an email address.";
            return null;
        }
        if (!TryReadSubject(root, appName, out var subject))
        {
            complaint = $"subject must be one line of at most {MaxSubject} characters.";
            return null;
        }
        // Without the token, the API would send any mail to any address.
        if (Text(root, "message") is not { } message || !message.Contains("$token", StringComparison.Ordinal))
        {
            complaint = "message must be a string that contains $token.";
            return null;
        }
        if (root.TryGetProperty("ttl", out var ttl) && ttl.ValueKind != JsonValueKind.Null)
        {
            // jOTP's description shows it in quotes.
            var number = ttl.ValueKind == JsonValueKind.String ? ttl.GetString() : ttl.GetRawText();
            if (!double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var minutes)
                || !double.IsFinite(minutes) || minutes <= 0)
            {
                complaint = "ttl must be a number of minutes greater than 0.";
                return null;
            }
            var asked = TimeSpan.FromMinutes(Math.Min(minutes, s_maxLifetime.TotalMinutes));
            lifetime = asked < s_minLifetime ? s_minLifetime : asked;
        }
        return new JOtpRequest(email.Value, subject, message, lifetime);
    }

    /// <summary>Describes what <see cref="Read"/> reads.</summary>
    private sealed record SessionRequest(
        [property: JsonPropertyName("email"), EmailAddress] string Email,
        [property: JsonPropertyName("subject"), MaxLength(MaxSubject)]
        [property: Description("One line. Default: Your APP_NAME code.")]
        string? Subject,
        [property: JsonPropertyName("message")]
        [property: Description("The text of the email. $token and $session are replaced; $token is required.")]
        string Message,
        [property: JsonPropertyName("ttl")]
        [property: Description("Lifetime in minutes, as a number or a string, reduced to 60 if larger. Default: OTP_CODE_EXPIRY.")]
        double? Ttl);

    private static bool TryReadSubject(JsonElement root, string appName, out string subject)
    {
        subject = $"Your {appName} code";
        if (!root.TryGetProperty("subject", out var value) || value.ValueKind == JsonValueKind.Null) return true;
        if (value.ValueKind != JsonValueKind.String) return false;
        if (value.GetString() is { Length: > 0 } given) subject = given;
        return subject.Length <= MaxSubject && !subject.Any(char.IsControl);
    }

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
