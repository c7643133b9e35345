using System.Text.Json;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.AspNetCore.SignalR;
using OtpPortal.Http;

namespace OtpPortal.Components;

/// <summary>
/// Limits the resources that one client can use with circuits: memory, and store commands of the components. A page whose
/// circuit is rejected works as a plain form.
/// </summary>
internal sealed class CircuitLimits : IHubFilter
{
    /// <summary>Maximum number of concurrent circuits per client address, on one replica.</summary>
    public const int MaxPerClient = 50;

    /// <summary>Maximum number of components that one circuit may add over its lifetime. A page has one.</summary>
    public const int MaxComponents = 4;

    private const string Hub = "/_blazor";
    private static readonly object s_count = new();

    public static void Use(IApplicationBuilder app)
    {
        // A negotiated connection outlives its requests, which are counted below. The portal's script skips negotiation.
        app.MapWhen(context => IsPath(context, Hub + "/negotiate"), refused => refused.Run(context =>
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }));
        // The request of a WebSocket lasts as long as the WebSocket.
        app.UseWhen(context => IsPath(context, Hub), circuits => circuits.UseRateLimiter(new RateLimiterOptions
        {
            RejectionStatusCode = StatusCodes.Status429TooManyRequests,
            GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(context => RateLimitPartition.GetConcurrencyLimiter(
                ClientAddress.LimitKey(context), _ => new ConcurrencyLimiterOptions { PermitLimit = MaxPerClient })),
        }));
    }

    /// <inheritdoc/>
    /// <remarks>A client can send the markers of a page any number of times, and each adds a component.</remarks>
    public ValueTask<object?> InvokeMethodAsync(HubInvocationContext invocationContext, Func<HubInvocationContext, ValueTask<object?>> next)
    {
        if (invocationContext.HubMethodName is "StartCircuit" or "UpdateRootComponents" or "ResumeCircuit")
        {
            var items = invocationContext.Context.Items;
            var earlier = items.TryGetValue(s_count, out var value) ? (int)value! : 0;
            var count = earlier + invocationContext.HubMethodArguments.OfType<string>().Sum(CountElements);
            items[s_count] = count;
            if (count > MaxComponents)
            {
                invocationContext.Context.Abort();
                return default;
            }
        }
        return next(invocationContext);
    }

    // The components are the elements of an array, or of the arrays in an object with case-insensitive names.
    private static int CountElements(string argument)
    {
        if (argument.TrimStart() is not ['[' or '{', ..]) return 0;
        try
        {
            using var json = JsonDocument.Parse(argument);
            return json.RootElement.ValueKind == JsonValueKind.Array
                ? json.RootElement.GetArrayLength()
                : json.RootElement.EnumerateObject().Select(property => property.Value)
                    .Where(value => value.ValueKind == JsonValueKind.Array).Sum(value => value.GetArrayLength());
        }
        catch (JsonException)
        {
            return MaxComponents + 1;
        }
    }

    private static bool IsPath(HttpContext context, string path) =>
        string.Equals(context.Request.Path.Value?.TrimEnd('/'), path, StringComparison.OrdinalIgnoreCase);
}
