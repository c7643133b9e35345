namespace OtpPortal.Tests.Architecture;

/// <summary>A provider is one folder and one registration: see docs/providers.md.</summary>
public sealed class ProviderFolderTests
{
    private const string Delivery = "OtpPortal.Delivery";

    [Fact]
    public void Only_DeliveryServices_references_provider_types()
    {
        var users = AssemblyReferences.Of(typeof(PortalApp).Assembly)
            .Where(edge => IsProvider(edge.To) && edge.From.Namespace != edge.To.Namespace)
            .Select(edge => edge.From.Name)
            .Distinct();

        users.ShouldBe(["DeliveryServices"]);
    }

    // OtpPortal.Delivery.Sms holds code that all SMS providers share.
    private static bool IsProvider(Type type) =>
        type.Namespace?.StartsWith(Delivery + ".", StringComparison.Ordinal) == true && type.Namespace != Delivery + ".Sms";
}
