namespace OtpPortal.Storage;

/// <summary>
/// Repeats a call once if its connection broke while another one is there, and answers 503 if the store stays away. For endpoints outside
/// the pipeline of pages, and only for those that may run twice.
/// </summary>
internal sealed class StoreUnavailableFilter(Stores stores, ILogger<StoreUnavailableHandler> logger) : IEndpointFilter
{
    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            try
            {
                return await next(context);
            }
            catch (Exception e) when (StoreFailure.Is(e))
            {
                if (!await stores.ReconnectsAsync(StorageRoutes.RetryPatience, context.HttpContext.RequestAborted)) throw;
                return await next(context);
            }
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
