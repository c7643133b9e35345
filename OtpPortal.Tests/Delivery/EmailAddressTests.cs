using OtpPortal.Delivery;

namespace OtpPortal.Tests.Delivery;

public sealed class EmailAddressTests
{
    [Theory]
    [InlineData("ann@example.com", "ann@example.com")]
    [InlineData("  Ann.Lee+tag@Example.COM ", "ann.lee+tag@example.com")]
    [InlineData("o'brien@example.co.uk", "o'brien@example.co.uk")]
    [InlineData("ann@localhost", "ann@localhost")]
    [InlineData("ann@bücher.example", "ann@xn--bcher-kva.example")]
    [InlineData("ann@BÜCHER.example", "ann@xn--bcher-kva.example")]
    [InlineData("ann@例え.jp", "ann@xn--r8jz45g.jp")]
    [InlineData("a@b.c", "a@b.c")]
    [InlineData("a.b.c@example.com", "a.b.c@example.com")]
    public void Normalizes_an_address(string typed, string kept)
    {
        EmailAddress.TryParse(typed, out var address).ShouldBeTrue();
        address!.Value.ShouldBe(kept);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("@")]
    [InlineData("ann")]
    [InlineData("ann@")]
    [InlineData("@example.com")]
    [InlineData("ann@example")]
    [InlineData("ann@exam_ple.com")]
    [InlineData("ann@.com")]
    [InlineData("ann@example.com.")]
    [InlineData("ann@example..com")]
    [InlineData("ann@-a.com")]
    [InlineData("ann@eve@example.com")]
    [InlineData("ann lee@example.com")]
    [InlineData("\"ann\"@example.com")]
    [InlineData("Ann <ann@example.com>")]
    [InlineData("<ann@example.com>")]
    [InlineData("ann@example.com,eve@example.com")]
    [InlineData("ann@example.com;eve@example.com")]
    [InlineData("ann@example.com\n")]
    [InlineData("ann@example.com\r\nBcc: eve@example.com")]
    [InlineData("ann\u0000@example.com")]
    [InlineData("ann@exam\u0000ple.com")]
    [InlineData("ann(comment)@example.com")]
    [InlineData("änn@example.com")]
    [InlineData("ann@[127.0.0.1]")]
    [InlineData("ann@example.com>")]
    [InlineData("ann@exa\u200Bmple .com")]
    [InlineData("ann..lee@example.com")]
    [InlineData("x..1@ok.com")]
    [InlineData(".ann@example.com")]
    [InlineData("ann.@example.com")]
    public void Refuses_invalid_addresses_and_header_injection(string? typed) => EmailAddress.TryParse(typed, out _).ShouldBeFalse();

    [Fact]
    public void Enforces_the_length_limits_of_email_addresses()
    {
        var domain = string.Concat(Enumerable.Repeat("abcdefghi.", 24)) + "example";
        EmailAddress.TryParse(new string('a', 64) + "@example.com", out _).ShouldBeTrue();
        EmailAddress.TryParse(new string('a', 65) + "@example.com", out _).ShouldBeFalse();
        EmailAddress.TryParse(new string('a', 64) + "@" + domain, out _).ShouldBeTrue();
        EmailAddress.TryParse(new string('a', 64) + "@" + "abcdefghi." + domain, out _).ShouldBeFalse("a domain of 257 characters");
        EmailAddress.TryParse("ann@" + new string('a', 64) + ".com", out _).ShouldBeFalse("a label of 64");
    }

    [Fact]
    public void ToString_masks_the_address()
    {
        EmailAddress.TryParse("annabel@example.com", out var address).ShouldBeTrue();

        address!.Masked.ShouldBe("a…@example.com");
        address.ToString().ShouldBe("a…@example.com");
    }
}
