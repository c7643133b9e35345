using System.Security.Cryptography;
using System.Text;

namespace OtpPortal.Security;

/// <summary>
/// Text encrypted with AES-256-GCM (NIST SP 800-38D): nonce, tag and ciphertext in one array, bound to the place where it is kept.
/// </summary>
public sealed class SealedText(byte[] key)
{
    private const int NonceLength = 12;
    private const int TagLength = 16;

    /// <summary>
    /// Encrypts; <paramref name="place"/> (a record's name) must be the same when it is opened, so records cannot be swapped.
    /// </summary>
    public byte[] Seal(string text, string place)
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

    /// <summary>Decrypts; false for anything that this key did not seal for this place.</summary>
    public bool TryOpen(ReadOnlySpan<byte> data, string place, out string text)
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
