namespace OtpPortal.Storage;

/// <summary>
/// Retries a call once (<see cref="Stores.RetryAsync"/>), and responds 503 if the store remains unavailable. For idempotent
/// endpoints outside the pipeline of pages.
/// </summary>
internal sealed class StoreUnavailableFilter(Stores stores, ILogger<StoreUnavailableHandler> logger) : IEndpointFilter
{
    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            return await stores.RetryAsync(async () => await next(context), static () => true, context.HttpContext.RequestAborted);
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            StoreUnavailableHandler.Log(logger, context.HttpContext, e);
            var response = context.HttpContext.Response;
            response.Headers.RetryAfter = "5";
            response.Headers.CacheControl = "no-store";
            return TypedResults.Json(
                new { error = "store_unavailable", message = "The store is unavailable. Try again in a few seconds." },
                statusCode: StatusCodes.Status503ServiceUnavailable);
        }
    }
}
