using System.Security.Cryptography;
using OtpPortal.Security;

namespace OtpPortal.Tests.Http;

public sealed class SealedTextTests
{
    private readonly AeadProtector _protector = new(RandomNumberGenerator.GetBytes(32));

    [Theory]
    [InlineData("")]
    [InlineData("a token")]
    [InlineData("Grüße 🙂")]
    public void An_encrypted_text_can_be_decrypted_in_the_same_context(string text)
    {
        _protector.TryUnprotect(_protector.Protect(text, "here"), "here", out var opened).ShouldBeTrue();
        opened.ShouldBe(text);
    }

    [Fact]
    public void Decryption_fails_in_another_context_or_with_another_key()
    {
        var data = _protector.Protect("a token", "here");

        _protector.TryUnprotect(data, "there", out var text).ShouldBeFalse();
        text.ShouldBeEmpty();
        new AeadProtector(RandomNumberGenerator.GetBytes(32)).TryUnprotect(data, "here", out _).ShouldBeFalse();
    }

    [Fact]
    public void Decryption_fails_when_any_byte_is_modified_or_removed()
    {
        var data = _protector.Protect("a token", "here");
        for (var i = 0; i < data.Length; i++)
        {
            var changed = (byte[])data.Clone();
            changed[i] ^= 1;
            _protector.TryUnprotect(changed, "here", out _).ShouldBeFalse($"byte {i}");
        }
        for (var length = 0; length < data.Length; length++) _protector.TryUnprotect(data.AsSpan(0, length), "here", out _).ShouldBeFalse();
    }

    [Fact]
    public void Encrypting_the_same_text_twice_gives_different_ciphertexts()
    {
        var seals = Enumerable.Range(0, 100).Select(_ => Convert.ToHexString(_protector.Protect("a token", "here"))).ToList();

        seals.Distinct().Count().ShouldBe(100);
        var plain = Convert.ToHexString("a token"u8);
        seals.ShouldAllBe(seal => !seal.Contains(plain, StringComparison.Ordinal));
    }
}
