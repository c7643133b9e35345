using System.Text.Json;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.AspNetCore.SignalR;
using OtpPortal.Http;

namespace OtpPortal.Components;

/// <summary>
/// Limits what one client can use up with circuits: their memory, and the store commands of the components in them. A page that is refused
/// a circuit goes on as a plain form.
/// </summary>
internal sealed class CircuitLimits : IHubFilter
{
    /// <summary>Circuits of one client address at a time, on one replica.</summary>
    public const int MaxPerClient = 50;

    /// <summary>Components that one circuit may add in its life. A page has one.</summary>
    public const int MaxComponents = 4;

    private const string Hub = "/_blazor";
    private static readonly object s_count = new();

    public static void Use(IApplicationBuilder app)
    {
        // A negotiated connection outlives the requests that are counted below. The pages' script does not negotiate.
        app.MapWhen(context => IsPath(context, Hub + "/negotiate"), refused => refused.Run(context =>
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }));
        // The request of a WebSocket ends with the WebSocket.
        app.UseWhen(context => IsPath(context, Hub), circuits => circuits.UseRateLimiter(new RateLimiterOptions
        {
            RejectionStatusCode = StatusCodes.Status429TooManyRequests,
            GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(context => RateLimitPartition.GetConcurrencyLimiter(
                ClientAddress.LimitKey(context), _ => new ConcurrencyLimiterOptions { PermitLimit = MaxPerClient })),
        }));
    }

    /// <inheritdoc/>
    /// <remarks>The markers in a page can be sent back any number of times, and each adds a component.</remarks>
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

    // The components are the elements of an array, or of the arrays in an object, whose names are read without case.
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
