using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Architecture;

/// <summary>A module uses only modules of the layers below its own: see docs/architecture.md.</summary>
public sealed class LayerTests
{
    // The highest layer first.
    private static readonly string[][] s_layers =
    [
        ["PortalApp"],
        ["Admin", "ApiDocs"],
        ["SignIn", "Gateway", "JOtp", "MagicLinks"],
        ["Jwt", "Sessions"],
        ["Delivery", "OneTimeCodes", "Limits"],
        ["Auditing", "Components"],
        ["Http", "Storage"],
        ["Configuration", "Security"],
    ];

    // The only references allowed within a layer.
    private static readonly (string From, string To)[] s_sideways = [("JOtp", "Gateway"), ("Jwt", "Sessions"), ("Delivery", "Limits")];

    [Fact]
    public void Each_module_uses_only_the_layers_below_it()
    {
        var violations = AssemblyReferences.Of(typeof(PortalApp).Assembly)
            .Where(edge => Module(edge.From) is { } from && Module(edge.To) is { } to && from != to && !IsAllowed(from, to))
            .GroupBy(edge => (From: Module(edge.From)!, To: Module(edge.To)!))
            .OrderBy(group => group.Key)
            .Select(group => $"{group.Key.From} → {group.Key.To}: "
                + string.Join(", ", group.Select(edge => $"{edge.From.Name} → {edge.To.Name}").Distinct().Order(StringComparer.Ordinal)))
            .ToList();

        violations.ShouldBeEmpty();
    }

    [Fact]
    public void The_documentation_lists_the_same_layers()
    {
        var documented = File.ReadLines(Path.Combine(RepositoryRoot.Path, "docs", "architecture.md"))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .Where(cells => cells is ["", [>= '1' and <= '9'], ..])
            .Select(cells => cells[2].Split(", ").Select(module => module.Trim('`')).ToArray())
            .ToArray();

        documented.ShouldBe(s_layers);
    }

    private static bool IsAllowed(string from, string to) => Layer(from) < Layer(to) || s_sideways.Contains((from, to));

    private static int Layer(string module)
    {
        var layer = Array.FindIndex(s_layers, modules => modules.Contains(module));
        return layer >= 0 ? layer : throw new InvalidOperationException($"{module} is not in a layer.");
    }

    // Returns the first part of the namespace below OtpPortal. Types directly in OtpPortal are the composition root.
    private static string? Module(Type type) => type.Namespace?.Split('.') switch
    {
        ["OtpPortal"] => "PortalApp",
        ["OtpPortal", var module, ..] => module,
        _ => null,
    };
}
