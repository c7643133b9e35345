using Microsoft.IdentityModel.Tokens;

namespace OtpPortal.Client;

/// <summary>An Ed25519 public key, with the crypto provider that teaches Microsoft.IdentityModel to verify EdDSA with it.</summary>
internal sealed class Ed25519SecurityKey : SecurityKey
{
    public const string EdDsa = "EdDSA";

    private readonly byte[] _publicKey;

    /// <param name="keyId">The <c>kid</c> of the JWK.</param>
    /// <param name="publicKey">The 32 bytes of RFC 8032.</param>
    public Ed25519SecurityKey(string keyId, byte[] publicKey)
    {
        (KeyId, _publicKey) = (keyId, publicKey);
        CryptoProviderFactory = new CryptoProviderFactory { CustomCryptoProvider = new Provider() };
    }

    public override int KeySize => Ed25519.PublicKeyLength * 8;

    private sealed class Provider : ICryptoProvider
    {
        public bool IsSupportedAlgorithm(string algorithm, params object[] args) =>
            algorithm == EdDsa && args is [] or [Ed25519SecurityKey, ..];

        public object Create(string algorithm, params object[] args) =>
            args is [Ed25519SecurityKey key, ..]
                ? new Verifier(key)
                : throw new NotSupportedException($"{algorithm} requires an Ed25519 key.");

        public void Release(object cryptoInstance) => (cryptoInstance as IDisposable)?.Dispose();
    }

    private sealed class Verifier(Ed25519SecurityKey key) : SignatureProvider(key, EdDsa)
    {
        public override byte[] Sign(byte[] input) => throw new NotSupportedException("The client has public keys only.");

        public override bool Verify(byte[] input, byte[] signature) => Ed25519.Verify(key._publicKey, input, signature);

        public override bool Verify(
            byte[] input, int inputOffset, int inputLength, byte[] signature, int signatureOffset, int signatureLength) =>
            Ed25519.Verify(key._publicKey, input.AsSpan(inputOffset, inputLength), signature.AsSpan(signatureOffset, signatureLength));

        protected override void Dispose(bool disposing)
        {
            // Nothing to release: OpenSSL's objects live as long as one call.
        }
    }
}
