using System.Net;
using System.Net.Sockets;

namespace OtpPortal.Http;

/// <summary>
/// Gets a client's IP address. X-Forwarded-For counts only from TRUSTED_PROXIES (see <see cref="ForwardedAddresses"/>).
/// </summary>
public static class ClientAddress
{
    public static string Of(HttpContext context) => Plain(context.Connection.RemoteIpAddress).ToString();

    /// <summary>
    /// Returns the subject of limits: the IPv4 address, or the /64 of an IPv6 address, because every IPv6 customer controls at
    /// least a /64.
    /// </summary>
    public static string LimitKey(HttpContext context) => LimitKey(Plain(context.Connection.RemoteIpAddress));

    internal static string LimitKey(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6) return address.ToString();
        var bytes = address.GetAddressBytes();
        Array.Clear(bytes, 8, 8);
        return new IPAddress(bytes) + "/64";
    }

    /// <summary>Converts an IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2), as dual-stack sockets report it, to IPv4.</summary>
    internal static IPAddress Plain(IPAddress? address) =>
        address is null ? IPAddress.None : address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
