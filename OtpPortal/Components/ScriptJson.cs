using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.JSInterop;

namespace OtpPortal.Components;

/// <summary>Halves the memory of a circuit.</summary>
/// <remarks>
/// The script runtime of each circuit has JSON options of its own, with metadata of every type that it meets. Blazor itself sends a
/// number and dictionaries as <c>object</c>, for which the serializer looks for metadata of all interfaces that they implement: about
/// 60.
/// </remarks>
internal static class ScriptJson
{
    private static readonly Resolver s_resolver = new();

    /// <summary>Configures the script runtime that Blazor has registered.</summary>
    public static void AddTo(IServiceCollection services)
    {
        var type = services.Last(service => service.ServiceType == typeof(IJSRuntime)).ImplementationType!;
        services.AddScoped<IJSRuntime>(provider =>
        {
            var runtime = (JSRuntime)ActivatorUtilities.CreateInstance(provider, type);
            OptionsOf(runtime).TypeInfoResolver = s_resolver;
            return runtime;
        });
    }

    /// <summary>Returns the options, which only derived classes can otherwise read.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_JsonSerializerOptions")]
    internal static extern JsonSerializerOptions OptionsOf(JSRuntime runtime);

    private sealed class Resolver : DefaultJsonTypeInfoResolver
    {
        // Values that are declared as such an interface cannot be sent.
        public override JsonTypeInfo GetTypeInfo(Type type, JsonSerializerOptions options) =>
            type.IsInterface && type.Namespace!.StartsWith(nameof(System), StringComparison.Ordinal)
                ? null!
                : base.GetTypeInfo(type, options);
    }
}
