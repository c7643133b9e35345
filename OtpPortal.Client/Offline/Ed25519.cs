using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace OtpPortal.Client;

/// <summary>Verifies Ed25519 signatures (RFC 8032) with OpenSSL's libcrypto. .NET 10 has no Ed25519.</summary>
internal static partial class Ed25519
{
    /// <summary>Length of a public key in bytes.</summary>
    public const int PublicKeyLength = 32;

    private const int SignatureLength = 64;
    private const string Library = "libcrypto";
    private const int KeyType = 1087; // NID_ED25519

    private static readonly Lazy<bool> s_isAvailable = new(SelfTest);

    static Ed25519() => NativeLibrary.SetDllImportResolver(typeof(Ed25519).Assembly, Find);

    /// <summary>False if OpenSSL 3 is not installed, or its provider does not allow Ed25519 (FIPS providers before 2024).</summary>
    public static bool IsAvailable => s_isAvailable.Value;

    /// <summary>Returns whether <paramref name="signature"/> is the key's signature of <paramref name="data"/>.</summary>
    /// <exception cref="CryptographicException">OpenSSL does not accept the key.</exception>
    public static bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        if (publicKey.Length != PublicKeyLength) throw new CryptographicException("An Ed25519 public key must be 32 bytes long.");
        if (signature.Length != SignatureLength) return false;
        using var key = EVP_PKEY_new_raw_public_key(KeyType, IntPtr.Zero, publicKey, (nuint)publicKey.Length);
        using var context = EVP_MD_CTX_new();
        if (key.IsInvalid || context.IsInvalid || EVP_DigestVerifyInit(context, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero, key) != 1)
        {
            ERR_clear_error();
            throw new CryptographicException("OpenSSL rejected the Ed25519 key.");
        }
        var isValid = EVP_DigestVerify(context, signature, (nuint)signature.Length, data, (nuint)data.Length) == 1;
        // The error queue belongs to the thread: TLS on the same thread would report our error as its own.
        if (!isValid) ERR_clear_error();
        return isValid;
    }

    // RFC 8032, 7.1, test 1.
    private static bool SelfTest()
    {
        try
        {
            return Verify(
                Convert.FromHexString("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
                [],
                Convert.FromHexString(
                    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                    + "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"));
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or CryptographicException)
        {
            return false;
        }
    }

    private static IntPtr Find(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != Library) return IntPtr.Zero;
        foreach (var candidate in (string[])["libcrypto.so.3", "libcrypto.3.dylib", "libcrypto-3-x64", "libcrypto-3-arm64"])
        {
            if (NativeLibrary.TryLoad(candidate, assembly, path, out var handle)) return handle;
        }
        return IntPtr.Zero;
    }

    internal sealed class KeyHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
    {
        protected override bool ReleaseHandle()
        {
            EVP_PKEY_free(handle);
            return true;
        }
    }

    internal sealed class ContextHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
    {
        protected override bool ReleaseHandle()
        {
            EVP_MD_CTX_free(handle);
            return true;
        }
    }

    [LibraryImport(Library)]
    private static partial KeyHandle EVP_PKEY_new_raw_public_key(int type, IntPtr engine, ReadOnlySpan<byte> key, nuint length);

    [LibraryImport(Library)]
    private static partial void EVP_PKEY_free(IntPtr key);

    [LibraryImport(Library)]
    private static partial ContextHandle EVP_MD_CTX_new();

    [LibraryImport(Library)]
    private static partial void EVP_MD_CTX_free(IntPtr context);

    [LibraryImport(Library)]
    private static partial int EVP_DigestVerifyInit(ContextHandle context, IntPtr keyContext, IntPtr digest, IntPtr engine, KeyHandle key);

    [LibraryImport(Library)]
    private static partial int EVP_DigestVerify(
        ContextHandle context, ReadOnlySpan<byte> signature, nuint signatureLength, ReadOnlySpan<byte> data, nuint dataLength);

    [LibraryImport(Library)]
    private static partial void ERR_clear_error();
}
