using Microsoft.AspNetCore.Diagnostics;

namespace OtpPortal.Storage;

/// <summary>Answers 503 when a store is down, restarting, loading or silent.</summary>
internal sealed partial class StoreUnavailableHandler(ILogger<StoreUnavailableHandler> logger) : IExceptionHandler
{
    public ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        if (!StoreFailure.Is(exception)) return ValueTask.FromResult(false);
        // The route and not the path, which may hold the id of a session or a verification.
        Unavailable((httpContext.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "A request", exception.GetType().Name);
        httpContext.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        return ValueTask.FromResult(true);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Route} was answered with 503: the store does not answer ({Error})")]
    private partial void Unavailable(string route, string error);
}
