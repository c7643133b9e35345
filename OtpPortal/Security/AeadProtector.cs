using System.Security.Cryptography;
using System.Text;

namespace OtpPortal.Security;

/// <summary>
/// Encrypts text with AES-256-GCM (NIST SP 800-38D). The result contains nonce, tag and ciphertext, and is bound to the record
/// that holds it.
/// </summary>
public sealed class AeadProtector(byte[] key)
{
    private const int NonceLength = 12;
    private const int TagLength = 16;

    /// <summary>
    /// Encrypts a text. Decryption requires the same <paramref name="place"/> (the record's name), so records cannot be
    /// swapped.
    /// </summary>
    public byte[] Protect(string text, string place)
    {
        var plain = Encoding.UTF8.GetBytes(text);
        var result = new byte[NonceLength + TagLength + plain.Length];
        var nonce = result.AsSpan(0, NonceLength);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(key, TagLength);
        aes.Encrypt(
            nonce, plain, result.AsSpan(NonceLength + TagLength), result.AsSpan(NonceLength, TagLength), Encoding.UTF8.GetBytes(place));
        return result;
    }

    /// <summary>Decrypts a text. Returns false if it was not encrypted with this key and place.</summary>
    public bool TryUnprotect(ReadOnlySpan<byte> data, string place, out string text)
    {
        text = "";
        if (data.Length < NonceLength + TagLength) return false;
        var plain = new byte[data.Length - NonceLength - TagLength];
        using var aes = new AesGcm(key, TagLength);
        try
        {
            aes.Decrypt(
                data[..NonceLength], data[(NonceLength + TagLength)..], data.Slice(NonceLength, TagLength), plain,
                Encoding.UTF8.GetBytes(place));
        }
        catch (CryptographicException)
        {
            return false;
        }
        text = Encoding.UTF8.GetString(plain);
        return true;
    }
}
