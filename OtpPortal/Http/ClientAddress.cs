using System.Net;
using System.Net.Sockets;

namespace OtpPortal.Http;

/// <summary>
/// Who is asking, as far as the network tells. X-Forwarded-For counts only from TRUSTED_PROXIES (see <see cref="ForwardedAddresses"/>).
/// </summary>
public static class ClientAddress
{
    public static string Of(HttpContext context) => Plain(context.Connection.RemoteIpAddress).ToString();

    /// <summary>
    /// What limits are counted by: an IPv4 address, or the /64 of an IPv6 one, because every IPv6 customer has a whole /64 to choose from.
    /// </summary>
    public static string LimitKey(HttpContext context) => LimitKey(Plain(context.Connection.RemoteIpAddress));

    internal static string LimitKey(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6) return address.ToString();
        var bytes = address.GetAddressBytes();
        Array.Clear(bytes, 8, 8);
        return new IPAddress(bytes) + "/64";
    }

    /// <summary>An IPv4 address as such, and not as sockets for both kinds tell it (RFC 4291, 2.5.5.2).</summary>
    internal static IPAddress Plain(IPAddress? address) =>
        address is null ? IPAddress.None : address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
