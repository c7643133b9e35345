using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using OtpPortal.Delivery;
using OtpPortal.Gateway;
using OtpPortal.Configuration;
using OtpPortal.Http;

namespace OtpPortal.JOtp;

/// <summary>The API of jOTP: <c>/jotp/</c> and <c>/jotp/sessions</c>.</summary>
public static class JOtpEndpoints
{
    private const int MaxBody = 1024 * 1024;
    private const int MaxSubject = 2000;

    // jOTP has no bounds, so every positive value is accepted; but a token can be guessed, so none is valid for longer than an hour.
    private static readonly TimeSpan s_minLifetime = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_maxLifetime = TimeSpan.FromHours(1);

    public static WebApplicationBuilder AddJOtp(this WebApplicationBuilder builder)
    {
        builder.AddSettings<JOtpSettings>();
        builder.Services.AddSingleton<JOtpSessions>();
        return builder;
    }

    public static void MapJOtp(this IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/jotp/", ["GET", "HEAD"], () => Results.Text("OK"));
        routes.MapPost("/jotp/sessions", BeginAsync).WithCredentialsInHeader();
        routes.MapPost("/jotp/sessions/{id}", TryAsync).WithCredentialsInHeader();
    }

    private static async Task BeginAsync(HttpContext context, JOtpSessions sessions, JOtpSettings settings, GatewaySettings gateway, NamespaceGuard guard, PortalSettings portal)
    {
        context.Response.Headers.CacheControl = "no-store";
        // Who names a namespace is held to it, also where nobody needs to.
        var isAnonymous = settings.Anonymous && context.Request.Headers.Authorization.Count == 0;
        if (!isAnonymous && !await AdmitAsync(context, guard)) return;

        var body = await ReadBodyAsync(context, MaxBody);
        if (body is null)
        {
            await Problem.WriteAsync(context, StatusCodes.Status413PayloadTooLarge, "too_large", $"The request is too large: at most {MaxBody / 1024} KB.");
            return;
        }
        if (Read(body, portal.AppName, gateway.Terms.Lifetime, out var complaint) is not { } request)
        {
            await Problem.WriteAsync(context, StatusCodes.Status400BadRequest, "bad_request", complaint);
            return;
        }
        switch (await sessions.BeginAsync(request, ClientAddress.Of(context), isAnonymous ? ClientAddress.LimitKey(context) : null, context.RequestAborted))
        {
            case BeginJOtpOutcome.Begun(var session):
                context.Response.StatusCode = StatusCodes.Status201Created;
                context.Response.Headers.Location = $"{portal.Origin}/jotp/sessions/{session}";
                // A type, so that nobody draws a page over it.
                context.Response.ContentType = "text/plain; charset=utf-8";
                break;
            case BeginJOtpOutcome.Limited(var wait):
                context.Response.Headers.RetryAfter = Problem.Seconds(wait);
                await Problem.WriteAsync(context, StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many messages to this address or from this client.");
                break;
            case BeginJOtpOutcome.NotSent:
                await Problem.WriteAsync(context, StatusCodes.Status502BadGateway, "not_sent", "The mail service did not take the message.");
                break;
            default:
                throw new UnreachableException();
        }
    }

    // The id cannot be guessed and its tries are limited, so it needs no credentials of its own.
    private static async Task TryAsync(HttpContext context, string id, JOtpSessions sessions)
    {
        context.Response.Headers.CacheControl = "no-store";
        var token = await ReadBodyAsync(context, 1024) is { } body ? Encoding.UTF8.GetString(body).Trim() : "";
        if (id.Length == 32 && id.All(char.IsAsciiLetterOrDigit) && token.Length > 0 && await sessions.TryAsync(id, token, ClientAddress.Of(context)))
        {
            context.Response.ContentType = "text/plain; charset=utf-8";
            return;
        }
        // Wrong, used, locked, over and unknown are one and the same.
        await Problem.WriteAsync(context, StatusCodes.Status404NotFound, "not_found", "The token is not valid for this session.");
    }

    private static async Task<bool> AdmitAsync(HttpContext context, NamespaceGuard guard)
    {
        switch (await guard.JudgeAsync(context))
        {
            case Admission.Admitted:
                return true;
            case Admission.Limited(var wait):
                context.Response.Headers.RetryAfter = Problem.Seconds(wait);
                await Problem.WriteAsync(context, StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many wrong credentials from this address.");
                return false;
            case Admission.OverQuota:
                await Problem.WriteAsync(context, StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many requests of this namespace.");
                return false;
            case Admission.Refused(var message):
                context.Response.Headers.WWWAuthenticate = NamespaceGuard.Challenge;
                await Problem.WriteAsync(context, StatusCodes.Status401Unauthorized, "unauthorized", message);
                return false;
            default:
                throw new UnreachableException();
        }
    }

    private static async Task<byte[]?> ReadBodyAsync(HttpContext context, int limit)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = limit;
        using var body = new MemoryStream();
        try
        {
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return null;
        }
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
            complaint = "The body must have nothing but Unicode in its texts.";
            return null;
        }

        if (!EmailAddress.TryParse(Text(root, "email"), out var email))
        {
            complaint = "email must be an e-mail address.";
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
            complaint = "message must be a text that contains $token.";
            return null;
        }
        if (root.TryGetProperty("ttl", out var ttl) && ttl.ValueKind != JsonValueKind.Null)
        {
            // jOTP's description shows it in quotes.
            var number = ttl.ValueKind == JsonValueKind.String ? ttl.GetString() : ttl.GetRawText();
            if (!double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var minutes) || !double.IsFinite(minutes) || minutes <= 0)
            {
                complaint = "ttl must be a number of minutes greater than 0.";
                return null;
            }
            var asked = TimeSpan.FromMinutes(Math.Min(minutes, s_maxLifetime.TotalMinutes));
            lifetime = asked < s_minLifetime ? s_minLifetime : asked;
        }
        return new JOtpRequest(email.Value, subject, message, lifetime);
    }

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
