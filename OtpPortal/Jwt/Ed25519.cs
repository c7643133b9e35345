using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace OtpPortal.Jwt;

/// <summary>
/// Ed25519 (RFC 8032) with OpenSSL's libcrypto, which .NET on Linux loads anyway. This version of .NET has no Ed25519, and
/// cryptography should not be implemented by hand.
/// </summary>
internal static partial class Ed25519
{
    /// <summary>The length of a private key (its seed) and of a public key, in bytes.</summary>
    public const int KeyLength = 32;

    /// <summary>The length of a signature in bytes.</summary>
    public const int SignatureLength = 64;

    private const string Library = "libcrypto";
    private const int KeyType = 1087; // NID_ED25519

    private static readonly Lazy<bool> s_isAvailable = new(TryOut);

    static Ed25519() => NativeLibrary.SetDllImportResolver(typeof(Ed25519).Assembly, Find);

    /// <summary>Whether libcrypto of OpenSSL 3 is installed and allows Ed25519. FIPS providers before 2024 do not.</summary>
    public static bool IsAvailable => s_isAvailable.Value;

    /// <summary>Creates a private key from the system's CSPRNG.</summary>
    public static byte[] NewSeed() => RandomNumberGenerator.GetBytes(KeyLength);

    private static bool TryOut()
    {
        try
        {
            // RFC 8032, 7.1, test 1: a library that fails this test must not be used.
            using var key = Key.FromSeed(Convert.FromHexString("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
            return key.PublicKey.AsSpan()
                .SequenceEqual(Convert.FromHexString("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"))
                && key.Verify([], key.Sign([]));
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

    /// <summary>An OpenSSL key. Thread-safe, because OpenSSL only reads it.</summary>
    public sealed class Key : IDisposable
    {
        private readonly KeyHandle _handle;

        private Key(KeyHandle handle, byte[] publicKey) => (_handle, PublicKey) = (handle, publicKey);

        public byte[] PublicKey { get; }

        /// <exception cref="CryptographicException">OpenSSL does not accept the key.</exception>
        public static Key FromSeed(byte[] seed)
        {
            if (seed.Length != KeyLength) throw new CryptographicException("An Ed25519 key has 32 bytes.");
            var handle = EVP_PKEY_new_raw_private_key(KeyType, IntPtr.Zero, seed, KeyLength);
            if (handle.IsInvalid)
            {
                handle.Dispose();
                throw new CryptographicException("OpenSSL does not take the Ed25519 key.");
            }
            var publicKey = new byte[KeyLength];
            nuint length = KeyLength;
            Check(EVP_PKEY_get_raw_public_key(handle, publicKey, ref length));
            return new Key(handle, publicKey);
        }

        public byte[] Sign(ReadOnlySpan<byte> data)
        {
            using var context = EVP_MD_CTX_new();
            Check(EVP_DigestSignInit(context, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero, _handle));
            var signature = new byte[SignatureLength];
            nuint length = SignatureLength;
            Check(EVP_DigestSign(context, signature, ref length, data, (nuint)data.Length));
            return signature;
        }

        public bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
        {
            if (signature.Length != SignatureLength) return false;
            using var context = EVP_MD_CTX_new();
            Check(EVP_DigestVerifyInit(context, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero, _handle));
            var isGood = EVP_DigestVerify(context, signature, (nuint)signature.Length, data, (nuint)data.Length) == 1;
            // The error queue belongs to the thread: TLS on the same thread would report our error as its own.
            if (!isGood) ERR_clear_error();
            return isGood;
        }

        public void Dispose() => _handle.Dispose();
    }

    private static void Check(int result)
    {
        if (result == 1) return;
        ERR_clear_error();
        throw new CryptographicException("OpenSSL did not do its part of Ed25519.");
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
    private static partial KeyHandle EVP_PKEY_new_raw_private_key(int type, IntPtr engine, byte[] key, nuint length);

    [LibraryImport(Library)]
    private static partial int EVP_PKEY_get_raw_public_key(KeyHandle key, Span<byte> publicKey, ref nuint length);

    [LibraryImport(Library)]
    private static partial void EVP_PKEY_free(IntPtr key);

    [LibraryImport(Library)]
    private static partial ContextHandle EVP_MD_CTX_new();

    [LibraryImport(Library)]
    private static partial void EVP_MD_CTX_free(IntPtr context);

    [LibraryImport(Library)]
    private static partial int EVP_DigestSignInit(ContextHandle context, IntPtr keyContext, IntPtr digest, IntPtr engine, KeyHandle key);

    [LibraryImport(Library)]
    private static partial int EVP_DigestSign(
        ContextHandle context, Span<byte> signature, ref nuint signatureLength, ReadOnlySpan<byte> data, nuint dataLength);

    [LibraryImport(Library)]
    private static partial int EVP_DigestVerifyInit(ContextHandle context, IntPtr keyContext, IntPtr digest, IntPtr engine, KeyHandle key);

    [LibraryImport(Library)]
    private static partial int EVP_DigestVerify(
        ContextHandle context, ReadOnlySpan<byte> signature, nuint signatureLength, ReadOnlySpan<byte> data, nuint dataLength);

    [LibraryImport(Library)]
    private static partial void ERR_clear_error();
}
