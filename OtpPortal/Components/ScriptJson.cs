using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.JSInterop;

namespace OtpPortal.Components;

/// <summary>Reduces the memory of a circuit by two fifths.</summary>
/// <remarks>
/// The script runtime of each circuit has JSON options of its own, with metadata of every type that it meets. Blazor itself sends a
/// number and dictionaries as <c>object</c>, for which the serializer looks for polymorphism in all types and interfaces that they
/// implement: about 60.
/// </remarks>
internal static class ScriptJson
{
    private static readonly ObjectConverter s_converter = new();

    /// <summary>Configures the script runtime that Blazor has registered.</summary>
    public static void AddTo(IServiceCollection services)
    {
        var type = services.Last(service => service.ServiceType == typeof(IJSRuntime)).ImplementationType!;
        services.AddScoped<IJSRuntime>(provider =>
        {
            var runtime = (JSRuntime)ActivatorUtilities.CreateInstance(provider, type);
            OptionsOf(runtime).Converters.Add(s_converter);
            return runtime;
        });
    }

    /// <summary>Returns the options, which only derived classes can otherwise read.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_JsonSerializerOptions")]
    internal static extern JsonSerializerOptions OptionsOf(JSRuntime runtime);

    /// <summary>Writes a value as its own type, without polymorphism.</summary>
    private sealed class ObjectConverter : JsonConverter<object>
    {
        public override object Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            JsonElement.ParseValue(ref reader);

        public override void Write(Utf8JsonWriter writer, object value, JsonSerializerOptions options)
        {
            var type = value.GetType();
            // A plain object would end up here again.
            JsonSerializer.Serialize(writer, value, type, type == typeof(object) ? JsonSerializerOptions.Default : options);
        }
    }
}
