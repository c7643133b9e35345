using Microsoft.AspNetCore.Diagnostics;

namespace OtpPortal.Storage;

/// <summary>Answers 503 when a store is down, restarting, loading or silent.</summary>
internal sealed partial class StoreUnavailableHandler(ILogger<StoreUnavailableHandler> logger) : IExceptionHandler
{
    public ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        if (!StoreFailure.Is(exception)) return ValueTask.FromResult(false);
        Log(logger, httpContext, exception);
        httpContext.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        return ValueTask.FromResult(true);
    }

    // The route and not the path, which may hold the id of a session or a verification.
    internal static void Log(ILogger logger, HttpContext context, Exception exception) =>
        Unavailable(logger, (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "A request", exception.GetType().Name);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Route} returned 503: the store is unavailable ({Error})")]
    private static partial void Unavailable(ILogger logger, string route, string error);
}
