using System.Collections;
using System.Text.Json;
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

        var sent = JsonSerializer.Serialize<object[]>([1, "text", new Dictionary<string, List<string>> { ["Key"] = ["a"] }], options);

        sent.ShouldBe("""[1,"text",{"Key":["a"]}]""");
        foreach (var type in (Type[])[typeof(IComparable), typeof(IFormattable), typeof(IDictionary)])
            options.TryGetTypeInfo(type, out _).ShouldBeFalse();
    }

    [Fact]
    public void Each_circuit_has_its_own_runtime()
    {
        using var first = portal.Services.CreateScope();
        using var second = portal.Services.CreateScope();

        first.ServiceProvider.GetRequiredService<IJSRuntime>().ShouldNotBeSameAs(second.ServiceProvider.GetRequiredService<IJSRuntime>());
    }
}
