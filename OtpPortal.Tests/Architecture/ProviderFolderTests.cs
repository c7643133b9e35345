namespace OtpPortal.Tests.Architecture;

/// <summary>A provider is a folder and a line in a list: see docs/providers.md.</summary>
public sealed class ProviderFolderTests
{
    private const string Delivery = "OtpPortal.Delivery";

    [Fact]
    public void Only_the_list_of_kinds_names_providers()
    {
        var users = AssemblyReferences.Of(typeof(PortalApp).Assembly)
            .Where(edge => IsProvider(edge.To) && edge.From.Namespace != edge.To.Namespace)
            .Select(edge => edge.From.Name)
            .Distinct();

        users.ShouldBe(["DeliveryServices"]);
    }

    // Sms holds what all providers of SMS share.
    private static bool IsProvider(Type type) =>
        type.Namespace?.StartsWith(Delivery + ".", StringComparison.Ordinal) == true && type.Namespace != Delivery + ".Sms";
}
