using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>A real SMTP server (Python's aiosmtpd) that records the received messages.</summary>
public sealed class MailServer : IDisposable
{
    private const string Script = """
        import asyncio, json, ssl, sys
        from aiosmtpd.smtp import SMTP, AuthResult, Envelope

        options = json.loads(sys.argv[1])

        class Handler:
            async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
                if options.get('refuse'):
                    return options['refuse']
                domain = address.rpartition('@')[2]
                if domain in options.get('defer', []):
                    return '450 4.2.1 try later'
                if domain in options.get('hang', []):
                    await asyncio.Event().wait()
                envelope.rcpt_tos.append(address)
                return '250 OK'

            async def handle_DATA(self, server, session, envelope):
                print(json.dumps({'from': envelope.mail_from, 'to': envelope.rcpt_tos,
                                  'content': envelope.content.decode('utf-8', 'replace'),
                                  'tls': session.ssl is not None, 'user': getattr(session, 'portal_user', None)}), flush=True)
                return '250 OK'

        def authenticate(server, session, envelope, mechanism, data):
            ok = data.login == options['user'].encode() and data.password == options['password'].encode()
            if ok:
                session.portal_user = data.login.decode()
            return AuthResult(success=ok, handled=False)

        context = None
        if options.get('certificate'):
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(options['certificate'], options['key'])

        class Server(SMTP):
            # The framework's client writes "AUTH login", and mechanisms are the same in any case (RFC 4954), but not to aiosmtpd.
            async def smtp_AUTH(self, arg):
                mechanism, _, rest = arg.partition(' ')
                await SMTP.smtp_AUTH(self, (mechanism.upper() + ' ' + rest).strip())

        def factory():
            auth = dict(authenticator=authenticate, auth_required=True, auth_require_tls=False) if options.get('user') else {}
            return Server(Handler(), hostname='mail.test', tls_context=context, require_starttls=bool(options.get('require_tls')),
                          enable_SMTPUTF8=bool(options.get('international')), **auth)

        async def main():
            server = await asyncio.get_running_loop().create_server(factory, '127.0.0.1', options['port'])
            print(json.dumps({'ready': True}), flush=True)
            await server.serve_forever()

        asyncio.run(main())
        """;

    private readonly TemporaryFolder _folder = new();
    private readonly Process _process;
    private readonly List<JsonElement> _mails = [];

    private MailServer(Dictionary<string, object> options)
    {
        Port = FreePort.Next();
        options["port"] = Port;
        if (options.Remove("tls")) WriteCertificate(options);
        var script = System.IO.Path.Combine(_folder.Path, "server.py");
        File.WriteAllText(script, Script);
        // Uses the system Python, for which the Debian package is installed, regardless of PATH.
        var start = new ProcessStartInfo("/usr/bin/python3") { RedirectStandardOutput = true };
        start.ArgumentList.Add(script);
        start.ArgumentList.Add(JsonSerializer.Serialize(options));
        _process = Process.Start(start) ?? throw new InvalidOperationException("python3 did not start.");
        _process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is null) return;
            lock (_mails) _mails.Add(JsonDocument.Parse(line.Data).RootElement);
        };
        _process.BeginOutputReadLine();
    }

    public int Port { get; }

    /// <summary>Gets the path of the PEM certificate of a server with TLS.</summary>
    public string? CertificateFile { get; private set; }

    /// <summary>Gets the received messages.</summary>
    public IReadOnlyList<JsonElement> Mails
    {
        get
        {
            lock (_mails) return [.. _mails.Skip(1)];
        }
    }

    public static async Task<MailServer> StartAsync(params (string Name, object Value)[] options)
    {
        var server = new MailServer(options.ToDictionary(option => option.Name, option => option.Value, StringComparer.Ordinal));
        await Eventually.BeTrueAsync(() =>
        {
            lock (server._mails) return server._mails.Count > 0;
        });
        return server;
    }

    public (string, string)[] Settings(string tls) =>
    [
        ("MAIL_TRANSPORT", "smtp"), ("SMTP_HOST", "localhost"), ("SMTP_PORT", Port.ToString(CultureInfo.InvariantCulture)),
        ("SMTP_TLS", tls), ("DOMAIN_NAME", "example.org"), ("DEBUG", "true"),
    ];

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _folder.Dispose();
    }

    private void WriteCertificate(Dictionary<string, object> options)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        CertificateFile = System.IO.Path.Combine(_folder.Path, "certificate.pem");
        var keyFile = System.IO.Path.Combine(_folder.Path, "key.pem");
        File.WriteAllText(CertificateFile, certificate.ExportCertificatePem());
        File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
        options["certificate"] = CertificateFile;
        options["key"] = keyFile;
    }
}
