using Microsoft.AspNetCore.Diagnostics;

namespace OtpPortal.Http;

/// <summary>
/// What an endpoint or a failure wants the next page to say. A form endpoint that cannot go on sets it, and <see cref="PageErrors"/> shows
/// the page in the same answer, with the status that belongs to it.
/// </summary>
public sealed class PageStatus
{
    /// <summary>The page to show, or null for the plain error page.</summary>
    public string? Path { get; set; }

    /// <summary>The query of that page, with its question mark.</summary>
    public string Query { get; set; } = "";

    public int Code { get; set; }

    /// <summary>How long to wait, for 429 and 503.</summary>
    public TimeSpan? Wait { get; set; }

    /// <summary>The reason that is shown beside the field: a key of the texts.</summary>
    public string? Reason { get; set; }

    /// <summary>The value of {0} in the reason's text.</summary>
    public object? Argument { get; set; }

    /// <summary>What was typed, to be shown again.</summary>
    public string? Typed { get; set; }

    /// <summary>What the form carries along, hidden, when it is sent again: the page asks for a proof.</summary>
    public string? Ticket { get; set; }

    internal void TakeOver(PageStatus other) =>
        (Path, Query, Code, Wait, Reason, Argument, Typed, Ticket) =
            (other.Path, other.Query, other.Code, other.Wait, other.Reason, other.Argument, other.Typed, other.Ticket);
}

/// <summary>Turns failures and refusals into pages for people and JSON for programs; no stack trace reaches either.</summary>
public static partial class PageErrors
{
    /// <summary>The address of the plain error page, for the portal's own use: requests for it are answered with 404.</summary>
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
                // A form with too many or too long fields.
                Reset(context, StatusCodes.Status400BadRequest);
            }
            catch (IOException) when (!context.Response.HasStarted && context.Request.HasFormContentType)
            {
                // A multipart form that ends in the middle.
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

    /// <summary>Ends the request with a page: the one at <paramref name="path"/>, or the plain error page when it is null.</summary>
    public static IResult Page(
        HttpContext context, int code, string? path = null, string? reason = null, string? typed = null, TimeSpan? wait = null,
        object? argument = null)
    {
        var status = context.RequestServices.GetRequiredService<PageStatus>();
        (status.Path, status.Reason, status.Typed, status.Wait, status.Argument) = (path, reason, typed, wait, argument);
        return TypedResults.StatusCode(code);
    }

    /// <summary>Returns a page with a form that asks for a proof and carries the ticket along.</summary>
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
        // The clients of an API read its own form, whatever they accept.
        if (ApiErrorWriter.Find(context) is { } api)
        {
            await api.WriteAsync(context, code, ErrorText(code));
            return;
        }
        // Who asks for nothing in particular (curl, most HTTP libraries) posted a form all the same, and gets the form's page.
        if (!IsForPeople(context.Request) && (status.Path is null || Problem.WantsJson(context.Request)))
        {
            await Problem.WriteAsync(context, code, ErrorName(code), ErrorText(code));
            return;
        }

        // The page is a request of its own: as GET, past routing again, with the status kept.
        context.SetEndpoint(null);
        context.Request.RouteValues.Clear();
        context.Request.Method = HttpMethods.Get;
        context.Request.Path = status.Path ?? ErrorPath;
        context.Request.QueryString = new QueryString(status.Query);
        // Blazor renders nothing into an answer that is 404 already: the status goes on at the end.
        context.Response.StatusCode = StatusCodes.Status200OK;
        context.Response.OnStarting(() =>
        {
            context.Response.StatusCode = code;
            return Task.CompletedTask;
        });
        // With services of its own, because a page that failed halfway has used up the request's: a scope renders one page.
        await using var scope = context.RequestServices.CreateAsyncScope();
        var services = context.RequestServices;
        scope.ServiceProvider.GetRequiredService<PageStatus>().TakeOver(status);
        context.RequestServices = scope.ServiceProvider;
        // Blazor adds this one and does not expect it to be there.
        context.Response.Headers.Remove("blazor-enhanced-nav");
        try
        {
            await next(context);
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            // Even the page could not be made (its keys are in a store that is away): plain text always can.
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

    // A module knows its own exceptions: the first handler that takes one sets the status.
    private static async Task<bool> IsHandledAsync(HttpContext context, Exception exception)
    {
        foreach (var handler in context.RequestServices.GetServices<IExceptionHandler>())
        {
            if (await handler.TryHandleAsync(context, exception, context.RequestAborted)) return true;
        }
        return false;
    }

    // Not the path: it may hold the id of a session or a verification, which opens it.
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
