using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.JSInterop;
using OtpPortal.Components;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Components;

/// <summary>Tests the JSON options of the script runtime, of which every circuit has its own.</summary>
public sealed class ScriptJsonTests(PortalHost portal) : IClassFixture<PortalHost>
{
    [Fact]
    public void Values_are_sent_without_metadata_of_their_interfaces()
    {
        using var scope = portal.Services.CreateScope();
        var options = ScriptJson.OptionsOf((JSRuntime)scope.ServiceProvider.GetRequiredService<IJSRuntime>());
        var requested = new List<Type>();
        options.TypeInfoResolver = new DefaultJsonTypeInfoResolver().WithAddedModifier(info => requested.Add(info.Type));

        var sent = JsonSerializer.Serialize<object?[]>(
            [1, "text", null, new Dictionary<string, List<string>> { ["Key"] = ["a"] }, new object(), new object[] { true }], options);

        sent.ShouldBe("""[1,"text",null,{"Key":["a"]},{},[true]]""");
        requested.ShouldContain(typeof(int));
        requested.ShouldAllBe(type => !type.IsInterface);
    }

    /// <summary>As the serializer does by default.</summary>
    [Fact]
    public void A_received_value_of_unknown_type_is_a_JSON_element()
    {
        using var scope = portal.Services.CreateScope();
        var options = ScriptJson.OptionsOf((JSRuntime)scope.ServiceProvider.GetRequiredService<IJSRuntime>());

        JsonSerializer.Deserialize<object>("""{"a":1}""", options).ShouldBeOfType<JsonElement>().GetRawText().ShouldBe("""{"a":1}""");
    }

    [Fact]
    public void Each_circuit_has_its_own_runtime()
    {
        using var first = portal.Services.CreateScope();
        using var second = portal.Services.CreateScope();

        first.ServiceProvider.GetRequiredService<IJSRuntime>().ShouldNotBeSameAs(second.ServiceProvider.GetRequiredService<IJSRuntime>());
    }
}
