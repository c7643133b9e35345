namespace OtpPortal.Storage;

/// <summary>
/// Retries a request once (<see cref="Stores.ReconnectAsync"/>), and responds 503 if the store remains unavailable. For idempotent
/// endpoints outside the pipeline of pages.
/// </summary>
internal sealed class StoreRetry(Stores stores, ILogger<StoreUnavailableHandler> logger)
{
    /// <param name="next">A handler that calls the store before it begins to respond.</param>
    public RequestDelegate Wrap(RequestDelegate next) => context => InvokeAsync(context, next);

    private async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        try
        {
            try
            {
                await next(context);
            }
            catch (Exception e) when (StoreFailure.Is(e) && !context.Response.HasStarted)
            {
                if (!await stores.ReconnectAsync(context.RequestAborted)) throw;
                await next(context);
            }
        }
        catch (Exception e) when (StoreFailure.Is(e) && !context.Response.HasStarted)
        {
            StoreUnavailableHandler.Log(logger, context, e);
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            context.Response.Headers.RetryAfter = "5";
            context.Response.Headers.CacheControl = "no-store";
            await context.Response.WriteAsJsonAsync(
                new { error = "store_unavailable", message = "The store is unavailable. Try again in a few seconds." });
        }
    }
}
