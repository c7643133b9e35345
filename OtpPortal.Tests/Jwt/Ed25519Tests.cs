using System.Security.Cryptography;
using OtpPortal.Jwt;

namespace OtpPortal.Tests.Jwt;

/// <summary>Ed25519 of libcrypto, tested with the vectors of RFC 8032, section 7.1.</summary>
public sealed class Ed25519Tests
{
    [Theory]
    [InlineData(
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")]
    [InlineData(
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")]
    public void Derives_the_keys_and_signatures_of_RFC_8032(string seed, string publicKey, string message, string signature)
    {
        using var key = Ed25519.Key.FromSeed(Convert.FromHexString(seed));

        Convert.ToHexStringLower(key.PublicKey).ShouldBe(publicKey);
        Convert.ToHexStringLower(key.Sign(Convert.FromHexString(message))).ShouldBe(signature);
        key.Verify(Convert.FromHexString(message), Convert.FromHexString(signature)).ShouldBeTrue();
    }

    [Fact]
    public void Refuses_modified_messages_and_signatures()
    {
        using var key = Ed25519.Key.FromSeed(Ed25519.NewSeed());
        var signature = key.Sign("message"u8);

        key.Verify("massage"u8, signature).ShouldBeFalse();
        for (var i = 0; i < signature.Length; i++)
        {
            var changed = signature.ToArray();
            changed[i] ^= 1;
            key.Verify("message"u8, changed).ShouldBeFalse();
        }
        key.Verify("message"u8, signature.AsSpan(0, 63)).ShouldBeFalse();
        key.Verify("message"u8, [.. signature, 0]).ShouldBeFalse();
        key.Verify("message"u8, []).ShouldBeFalse();
    }

    [Fact]
    public void Throws_on_a_seed_of_the_wrong_length() => Should.Throw<CryptographicException>(() => Ed25519.Key.FromSeed(new byte[31]));

    [Fact]
    public void A_key_can_be_used_concurrently()
    {
        using var key = Ed25519.Key.FromSeed(Ed25519.NewSeed());

        Parallel.For(0, 500, i => key.Verify(BitConverter.GetBytes(i), key.Sign(BitConverter.GetBytes(i))).ShouldBeTrue());
    }
}
