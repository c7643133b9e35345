using Microsoft.AspNetCore.Diagnostics;

namespace OtpPortal.Http;

/// <summary>
/// What the next page shows about an error. An endpoint that rejects a form sets it, and <see cref="PageErrors"/> renders the
/// page in the same response, with the matching status.
/// </summary>
public sealed class PageStatus
{
    /// <summary>The page to show, or null for the plain error page.</summary>
    public string? Path { get; set; }

    /// <summary>The query of that page, including the question mark.</summary>
    public string Query { get; set; } = "";

    public int Code { get; set; }

    /// <summary>The time to wait, for 429 and 503.</summary>
    public TimeSpan? Wait { get; set; }

    /// <summary>The resource key of the error beside the field.</summary>
    public string? Reason { get; set; }

    /// <summary>The argument {0} of the error.</summary>
    public object? Argument { get; set; }

    /// <summary>The typed text, to be shown again.</summary>
    public string? Typed { get; set; }

    /// <summary>The waiting ticket in a hidden field, if the page requires a proof.</summary>
    public string? Ticket { get; set; }

    internal void TakeOver(PageStatus other) =>
        (Path, Query, Code, Wait, Reason, Argument, Typed, Ticket) =
            (other.Path, other.Query, other.Code, other.Wait, other.Reason, other.Argument, other.Typed, other.Ticket);
}

/// <summary>Renders errors as pages for browsers and as JSON for API clients, without stack traces.</summary>
public static partial class PageErrors
{
    /// <summary>The internal path of the plain error page. Requests for it get 404.</summary>
    internal const string ErrorPath = "/error";

    public static void UsePageErrors(this IApplicationBuilder app, PortalSettings portal)
    {
        var logger = app.ApplicationServices.GetRequiredService<ILoggerFactory>().CreateLogger("OtpPortal.Errors");
        app.Use(async (context, next) =>
        {
            try
            {
                await next(context);
            }
            catch (BadHttpRequestException e) when (!context.Response.HasStarted)
            {
                Reset(context, e.StatusCode);
            }
            catch (InvalidDataException) when (!context.Response.HasStarted)
            {
                // A form with too many or too large fields.
                Reset(context, StatusCodes.Status400BadRequest);
            }
            catch (IOException) when (!context.Response.HasStarted && context.Request.HasFormContentType)
            {
                // A truncated multipart form.
                Reset(context, StatusCodes.Status400BadRequest);
            }
            catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (!context.Response.HasStarted)
            {
                Reset(context, StatusCodes.Status500InternalServerError);
                if (!await IsHandledAsync(context, e))
                {
                    if (portal.Debug) throw;
                    Failed(logger, e, RouteOf(context));
                }
            }

            if (context.Response.StatusCode >= 400
                && !context.Response.HasStarted && context.Response.ContentType is null && !context.WebSockets.IsWebSocketRequest)
            {
                await ShowAsync(context, next);
            }
        });
    }

    /// <summary>Responds with the page at <paramref name="path"/>, or the plain error page if it is null.</summary>
    public static IResult Page(
        HttpContext context, int code, string? path = null, string? reason = null, string? typed = null, TimeSpan? wait = null,
        object? argument = null)
    {
        var status = context.RequestServices.GetRequiredService<PageStatus>();
        (status.Path, status.Reason, status.Typed, status.Wait, status.Argument) = (path, reason, typed, wait, argument);
        return TypedResults.StatusCode(code);
    }

    /// <summary>
    /// Responds with the page at <paramref name="path"/>, whose form requires a proof and contains the ticket.
    /// </summary>
    public static IResult ProofPage(HttpContext context, string path, string reason, string typed, TimeSpan wait, string ticket)
    {
        context.RequestServices.GetRequiredService<PageStatus>().Ticket = ticket;
        return Page(context, StatusCodes.Status429TooManyRequests, path, reason, typed, wait);
    }

    private static async Task ShowAsync(HttpContext context, RequestDelegate next)
    {
        var code = context.Response.StatusCode;
        var status = context.RequestServices.GetRequiredService<PageStatus>();
        status.Code = code;
        if (code == StatusCodes.Status503ServiceUnavailable) status.Wait ??= TimeSpan.FromSeconds(5);
        if (status.Wait is { } wait) context.Response.Headers.RetryAfter = Problem.Seconds(wait);
        context.Response.Headers.CacheControl = "no-store";
        // API clients always get the API's own error envelope, whatever they accept.
        if (ApiErrorWriter.Find(context) is { } api)
        {
            await api.WriteAsync(context, code, ErrorText(code));
            return;
        }
        // Clients without a preference (curl, most HTTP libraries) get the form's page, because they posted a form.
        if (!IsForPeople(context.Request) && (status.Path is null || Problem.WantsJson(context.Request)))
        {
            await Problem.WriteAsync(context, code, ErrorName(code), ErrorText(code));
            return;
        }

        // Runs the pipeline again as GET for the page, and keeps the status.
        context.SetEndpoint(null);
        context.Request.RouteValues.Clear();
        context.Request.Method = HttpMethods.Get;
        context.Request.Path = status.Path ?? ErrorPath;
        context.Request.QueryString = new QueryString(status.Query);
        // Blazor renders nothing into a response with status 404, so the status is set when the response starts.
        context.Response.StatusCode = StatusCodes.Status200OK;
        context.Response.OnStarting(() =>
        {
            context.Response.StatusCode = code;
            return Task.CompletedTask;
        });
        // A new scope, because a scope can render only one page, and a page that failed halfway has used the request's scope.
        await using var scope = context.RequestServices.CreateAsyncScope();
        var services = context.RequestServices;
        scope.ServiceProvider.GetRequiredService<PageStatus>().TakeOver(status);
        context.RequestServices = scope.ServiceProvider;
        // Blazor adds this header, and fails if it exists.
        context.Response.Headers.Remove("blazor-enhanced-nav");
        try
        {
            await next(context);
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            // The page itself failed, for example because its keys are in an unavailable store: respond with plain text.
            if (!await IsHandledAsync(context, e))
            {
                Failed(context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger("OtpPortal.Errors"), e, RouteOf(context));
            }
            context.Response.ContentType = "text/plain; charset=utf-8";
            await context.Response.WriteAsync(ErrorText(code));
        }
        finally
        {
            context.RequestServices = services;
        }
    }

    // Modules handle their own exceptions: the first handler that accepts the exception sets the status.
    private static async Task<bool> IsHandledAsync(HttpContext context, Exception exception)
    {
        foreach (var handler in context.RequestServices.GetServices<IExceptionHandler>())
        {
            if (await handler.TryHandleAsync(context, exception, context.RequestAborted)) return true;
        }
        return false;
    }

    // Not the path: it may contain the id of a session or a verification, which grants access.
    private static string RouteOf(HttpContext context) => (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "A request";

    private static void Reset(HttpContext context, int code)
    {
        var cookies = context.Response.Headers.SetCookie;
        context.Response.Headers.Remove("Content-Type");
        context.Response.Headers.Remove("Content-Length");
        context.Response.Headers.SetCookie = cookies;
        context.Response.StatusCode = code;
    }

    private static bool IsForPeople(HttpRequest request) =>
        request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase);

    private static string ErrorName(int code) => code switch
    {
        400 => "bad_request",
        403 => "forbidden",
        404 => "not_found",
        405 => "method_not_allowed",
        410 => "expired",
        413 => "too_large",
        415 => "unsupported_media_type",
        429 => "too_many_requests",
        503 => "store_unavailable",
        >= 500 => "internal_error",
        _ => "error",
    };

    private static string ErrorText(int code) => code switch
    {
        400 => "The request is invalid.",
        403 => "The request came from another site. Open the portal at its PUBLIC_URL and try again.",
        404 => "Not found. Check the URL.",
        405 => "This method is not allowed for this URL.",
        410 => "This has expired or was already used.",
        413 => "The request is too large.",
        415 => "The body must be a form: application/x-www-form-urlencoded or multipart/form-data.",
        429 => "Too many requests. Try again later.",
        503 => "The store is unavailable. Try again in a few seconds.",
        >= 500 => "Internal server error.",
        _ => "The request was refused.",
    };

    [LoggerMessage(Level = LogLevel.Error, Message = "{Route} failed")]
    private static partial void Failed(ILogger logger, Exception exception, string route);
}
