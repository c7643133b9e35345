using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>A password and a certificate for Redis servers and sentinels. They also keep a port without TLS for the tests.</summary>
internal sealed class RedisProtection : IDisposable
{
    /// <summary>Contains characters that are reserved in URLs.</summary>
    public const string Password = "p@ss:w/rd%";

    private readonly TemporaryFolder _folder = new();

    /// <param name="host">The host name or IP address for which the certificate is valid.</param>
    public RedisProtection(string host)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=redis", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(host, out var ip)) names.AddIpAddress(ip);
        else names.AddDnsName(host);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(CertificateFile, certificate.ExportCertificatePem());
        File.WriteAllText(KeyFile, key.ExportPkcs8PrivateKeyPem());
    }

    public string CertificateFile => Path.Combine(_folder.Path, "certificate.pem");

    private string KeyFile => Path.Combine(_folder.Path, "key.pem");

    /// <summary>Gets the options of a server or sentinel. Replicas, cluster nodes and sentinels use TLS among themselves, too.</summary>
    public IEnumerable<string> Arguments(int tlsPort) =>
    [
        "--tls-port", RedisNode.Text(tlsPort), "--tls-cert-file", CertificateFile, "--tls-key-file", KeyFile,
        "--tls-ca-cert-file", CertificateFile, "--tls-auth-clients", "no", "--tls-replication", "yes", "--requirepass", Password,
    ];

    public void Dispose() => _folder.Dispose();
}
