namespace OtpPortal.Storage;

/// <summary>
/// Retries a call once (<see cref="Stores.ReconnectAsync"/>), and responds 503 if the store remains unavailable. For idempotent
/// endpoints outside the pipeline of pages.
/// </summary>
internal sealed class StoreUnavailableFilter(Stores stores, ILogger<StoreUnavailableHandler> logger)
{
    /// <summary>Adds the filter. <c>AddEndpointFilter</c> would create one for each request.</summary>
    public static void AddTo(RouteGroupBuilder group) => group.AddEndpointFilterFactory((factory, next) =>
    {
        var filter = ActivatorUtilities.CreateInstance<StoreUnavailableFilter>(factory.ApplicationServices);
        return context => filter.InvokeAsync(context, next);
    });

    private async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            try
            {
                return await next(context);
            }
            catch (Exception e) when (StoreFailure.Is(e))
            {
                if (!await stores.ReconnectAsync(context.HttpContext.RequestAborted)) throw;
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
