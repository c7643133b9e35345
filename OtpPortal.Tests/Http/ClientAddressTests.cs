using System.Net;
using Microsoft.AspNetCore.Http;
using OtpPortal.Http;

namespace OtpPortal.Tests.Http;

public sealed class ClientAddressTests
{
    [Theory]
    [InlineData("192.0.2.1", "192.0.2.1", "192.0.2.1")]
    [InlineData("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1")]
    [InlineData("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64")]
    [InlineData("2001:db8:1:2::", "2001:db8:1:2::", "2001:db8:1:2::/64")]
    [InlineData("2001:db8:1:3::1", "2001:db8:1:3::1", "2001:db8:1:3::/64")]
    [InlineData("::1", "::1", "::/64")]
    public void An_IPv6_client_is_limited_by_its_64_bit_prefix(string remote, string shown, string counted)
    {
        var context = new DefaultHttpContext { Connection = { RemoteIpAddress = IPAddress.Parse(remote) } };

        ClientAddress.Of(context).ShouldBe(shown);
        ClientAddress.LimitKey(context).ShouldBe(counted);
    }
}
