using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace OtpPortal.Jwt;

/// <summary>The signature algorithms of the portal's JWTs, with their names in RFC 7518 and RFC 8037.</summary>
/// <remarks>
/// EdDSA is Ed25519, with OpenSSL's libcrypto. Where it is unavailable ES256 replaces it, and all messages that name algorithms
/// reflect this. Shared-secret algorithms (HS256) and <c>none</c> are not supported, so that no verifier can be tricked into
/// using a public key as a secret.
/// </remarks>
public sealed record JwtAlgorithms(string Default, IReadOnlyList<string> All)
{
    public const string EdDsa = "EdDSA";
    public const string Rs256 = "RS256";
    public const string Es256 = "ES256";

    /// <summary>The algorithms that this machine supports.</summary>
    public static JwtAlgorithms Supported { get; } = Of(Ed25519.IsAvailable);

    /// <summary>The supported algorithms, for error messages.</summary>
    public string Allowed =>
        string.Join(" or ", All) + (Default == EdDsa ? "" : "; this machine's libcrypto has no Ed25519, so there is no EdDSA");

    internal static JwtAlgorithms Of(bool hasEd25519) => hasEd25519 ? new(EdDsa, [EdDsa, Rs256]) : new(Es256, [Es256, Rs256]);
}

/// <summary>A private key that signs JWTs with a single algorithm.</summary>
internal abstract class SigningKey : IDisposable
{
    /// <summary>The key's only algorithm. A token cannot choose it.</summary>
    public abstract string Algorithm { get; }

    public static SigningKey New(string algorithm) => algorithm switch
    {
        JwtAlgorithms.EdDsa => new EdKey(Ed25519.NewSeed()),
        JwtAlgorithms.Rs256 => new RsaKey(NewRsa()),
        JwtAlgorithms.Es256 => new EcKey(NewEc()),
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm)),
    };

    /// <summary>Imports a key from <see cref="Export"/>. Returns null if this machine does not support it.</summary>
    public static SigningKey? Import(string algorithm, byte[] privateKey) => algorithm switch
    {
        JwtAlgorithms.EdDsa => Ed25519.IsAvailable ? new EdKey(privateKey) : null,
        JwtAlgorithms.Rs256 => new RsaKey(privateKey),
        JwtAlgorithms.Es256 => new EcKey(privateKey),
        _ => null,
    };

    public abstract byte[] Sign(ReadOnlySpan<byte> data);

    public abstract bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature);

    /// <summary>Exports the private key for encrypted storage.</summary>
    public abstract byte[] Export();

    /// <summary>Returns the public key as a JWK (RFC 7517, RFC 8037).</summary>
    public JsonObject ToJwk(string kid)
    {
        var jwk = new JsonObject();
        foreach (var (name, value) in PublicParts()) jwk[name] = value;
        jwk["alg"] = Algorithm;
        jwk["use"] = "sig";
        jwk["kid"] = kid;
        return jwk;
    }

    public abstract void Dispose();

    protected abstract IEnumerable<(string Name, string Value)> PublicParts();

    private static byte[] NewRsa()
    {
        // 2048 bits are the minimum of RFC 7518, 3.3, and sufficient until 2030 according to NIST SP 800-57.
        using var rsa = RSA.Create(2048);
        return rsa.ExportPkcs8PrivateKey();
    }

    private static byte[] NewEc()
    {
        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return ec.ExportPkcs8PrivateKey();
    }

    private sealed class EdKey(byte[] seed) : SigningKey
    {
        private readonly Ed25519.Key _key = Ed25519.Key.FromSeed(seed);

        public override string Algorithm => JwtAlgorithms.EdDsa;

        public override byte[] Sign(ReadOnlySpan<byte> data) => _key.Sign(data);

        public override bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature) => _key.Verify(data, signature);

        public override byte[] Export() => seed;

        public override void Dispose() => _key.Dispose();

        protected override IEnumerable<(string Name, string Value)> PublicParts() =>
            [("kty", "OKP"), ("crv", "Ed25519"), ("x", Base64Url.EncodeToString(_key.PublicKey))];
    }

    private sealed class RsaKey(byte[] pkcs8) : SigningKey
    {
        private readonly Pool<RSA> _pool = new(() =>
        {
            var rsa = RSA.Create();
            rsa.ImportPkcs8PrivateKey(pkcs8, out _);
            return rsa;
        });

        public override string Algorithm => JwtAlgorithms.Rs256;

        public override byte[] Sign(ReadOnlySpan<byte> data)
        {
            using var rsa = _pool.Rent();
            return rsa.Item.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }

        public override bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
        {
            using var rsa = _pool.Rent();
            return rsa.Item.VerifyData(data, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }

        public override byte[] Export() => pkcs8;

        public override void Dispose() => _pool.Dispose();

        protected override IEnumerable<(string Name, string Value)> PublicParts()
        {
            using var rsa = _pool.Rent();
            var parts = rsa.Item.ExportParameters(includePrivateParameters: false);
            return [("kty", "RSA"), ("n", Base64Url.EncodeToString(parts.Modulus)), ("e", Base64Url.EncodeToString(parts.Exponent))];
        }
    }

    private sealed class EcKey(byte[] pkcs8) : SigningKey
    {
        private readonly Pool<ECDsa> _pool = new(() =>
        {
            var ec = ECDsa.Create();
            ec.ImportPkcs8PrivateKey(pkcs8, out _);
            return ec;
        });

        public override string Algorithm => JwtAlgorithms.Es256;

        // The concatenated numbers (RFC 7518, 3.4), which is .NET's default format.
        public override byte[] Sign(ReadOnlySpan<byte> data)
        {
            using var ec = _pool.Rent();
            return ec.Item.SignData(data, HashAlgorithmName.SHA256);
        }

        public override bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
        {
            using var ec = _pool.Rent();
            return ec.Item.VerifyData(data, signature, HashAlgorithmName.SHA256);
        }

        public override byte[] Export() => pkcs8;

        public override void Dispose() => _pool.Dispose();

        protected override IEnumerable<(string Name, string Value)> PublicParts()
        {
            using var ec = _pool.Rent();
            var point = ec.Item.ExportParameters(includePrivateParameters: false).Q;
            return [("kty", "EC"), ("crv", "P-256"), ("x", Base64Url.EncodeToString(point.X)), ("y", Base64Url.EncodeToString(point.Y))];
        }
    }

    /// <summary>
    /// A pool of keys. .NET's keys are not guaranteed to be thread-safe and are slow to import, so each is used by one thread
    /// at a time and kept.
    /// </summary>
    private sealed class Pool<T>(Func<T> make) : IDisposable
        where T : IDisposable
    {
        private readonly ConcurrentBag<T> _free = [];

        public Lease Rent() => new(_free.TryTake(out var item) ? item : make(), _free);

        public void Dispose()
        {
            while (_free.TryTake(out var item)) item.Dispose();
        }

        public readonly struct Lease(T item, ConcurrentBag<T> home) : IDisposable
        {
            public T Item => item;

            public void Dispose() => home.Add(item);
        }
    }
}
