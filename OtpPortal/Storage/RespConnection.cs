using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace OtpPortal.Storage;

/// <summary>A response of a server. An array is the list of its elements, and another value is a list of one.</summary>
internal sealed record RespReply(bool IsError, IReadOnlyList<string> Values)
{
    public string Text => Values.Count > 0 ? Values[0] : "";

    /// <summary>Returns a field of an INFO response, or an empty text.</summary>
    public string Field(string name) =>
        Text.Split('\n').Select(line => line.Trim().Split(':', 2)).FirstOrDefault(pair => pair[0] == name) is [_, var value] ? value : "";
}

/// <summary>
/// A connection for questions about the servers: their roles, the nodes of a cluster, and the primary that sentinels watch.
/// The Redis client cannot ask a sentinel, and answers such questions from its own cache.
/// </summary>
internal sealed class RespConnection : IDisposable
{
    private readonly Stream _stream;
    private readonly byte[] _buffer = new byte[4096];
    private int _start;
    private int _end;

    private RespConnection(Stream stream) => _stream = stream;

    /// <summary>Connects, and signs in if there is a password.</summary>
    public static async Task<RespConnection> OpenAsync(EndPoint server, RedisAddress address, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Stream? stream = null;
        try
        {
            await socket.ConnectAsync(server, cancellationToken);
            stream = new NetworkStream(socket, ownsSocket: true);
            if (address.Tls)
            {
                var tls = new SslStream(stream);
                stream = tls;
                await tls.AuthenticateAsClientAsync(
                    new SslClientAuthenticationOptions { TargetHost = address.TlsHostOf(server) }, cancellationToken);
            }
            var connection = new RespConnection(stream);
            // A sentinel without a password rejects this, and answers the questions anyway.
            if (address.Password is { } password) await connection.SendAsync(["AUTH", password], cancellationToken);
            return connection;
        }
        catch
        {
            if (stream is not null) await stream.DisposeAsync();
            socket.Dispose();
            throw;
        }
    }

    public async Task<RespReply> SendAsync(IReadOnlyList<string> command, CancellationToken cancellationToken)
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"*{command.Count}\r\n");
        foreach (var part in command) text.Append(CultureInfo.InvariantCulture, $"${Encoding.UTF8.GetByteCount(part)}\r\n{part}\r\n");
        await _stream.WriteAsync(Encoding.UTF8.GetBytes(text.ToString()), cancellationToken);
        return await ReadAsync(cancellationToken);
    }

    public void Dispose() => _stream.Dispose();

    private async Task<RespReply> ReadAsync(CancellationToken cancellationToken)
    {
        var line = await ReadLineAsync(cancellationToken);
        if (line.Length == 0) throw new IOException("The server sent an empty line.");
        switch (line[0])
        {
            case '-':
                return new RespReply(IsError: true, [line[1..]]);
            case '$' when int.Parse(line.AsSpan(1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) is >= 0 and var length:
                var bytes = new byte[length + 2];
                for (var i = 0; i < bytes.Length; i++) bytes[i] = await ReadByteAsync(cancellationToken);
                return new RespReply(IsError: false, [Encoding.UTF8.GetString(bytes, 0, length)]);
            case '*' when int.Parse(line.AsSpan(1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) is >= 0 and var count:
                var values = new List<string>();
                for (var i = 0; i < count; i++) values.AddRange((await ReadAsync(cancellationToken)).Values);
                return new RespReply(IsError: false, values);
            case '$' or '*':
                return new RespReply(IsError: false, []);
            default:
                return new RespReply(IsError: false, [line[1..]]);
        }
    }

    private async Task<string> ReadLineAsync(CancellationToken cancellationToken)
    {
        var line = new List<byte>();
        while (await ReadByteAsync(cancellationToken) is not (byte)'\n' and var next) line.Add(next);
        return Encoding.UTF8.GetString([.. line]).TrimEnd('\r');
    }

    private async ValueTask<byte> ReadByteAsync(CancellationToken cancellationToken)
    {
        if (_start == _end)
        {
            (_start, _end) = (0, await _stream.ReadAsync(_buffer, cancellationToken));
            if (_end == 0) throw new IOException("The server closed the connection.");
        }
        return _buffer[_start++];
    }
}
