using System.Security.Cryptography;
using OtpPortal.Client;

namespace OtpPortal.Tests.Client;

/// <summary>Ed25519 of the client, tested with the vectors of RFC 8032, section 7.1.</summary>
public sealed class ClientEd25519Tests
{
    [Theory]
    [InlineData("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")]
    [InlineData("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")]
    public void Accepts_the_signatures_of_RFC_8032_and_refuses_modified_ones(string publicKey, string message, string signature)
    {
        var (key, data, signed) = (Convert.FromHexString(publicKey), Convert.FromHexString(message), Convert.FromHexString(signature));

        Ed25519.IsAvailable.ShouldBeTrue();
        Ed25519.Verify(key, data, signed).ShouldBeTrue();
        Ed25519.Verify(key, [.. data, 0], signed).ShouldBeFalse();
        Ed25519.Verify(key, data, signed.AsSpan(0, 63)).ShouldBeFalse();
        Ed25519.Verify(key, data, [.. signed, 0]).ShouldBeFalse();
        for (var i = 0; i < signed.Length; i++)
        {
            var changed = signed.ToArray();
            changed[i] ^= 1;
            Ed25519.Verify(key, data, changed).ShouldBeFalse();
        }
    }

    [Fact]
    public void A_key_of_the_wrong_length_is_refused() =>
        Should.Throw<CryptographicException>(() => Ed25519.Verify(new byte[31], [], new byte[64]));
}
