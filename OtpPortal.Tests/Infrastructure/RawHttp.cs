using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>Sends requests without the normalization of HTTP clients.</summary>
internal static class RawHttp
{
    /// <summary>Sends a request head and returns the response. Reads the body only if it has a Content-Length.</summary>
    public static async Task<(int Status, string Head, string Body)> SendAsync(Uri server, params IEnumerable<string> lines)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(server.Host, server.Port);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(string.Join("\r\n", lines) + "\r\n\r\n"));

        // Latin-1 maps each byte to one character.
        using var reader = new StreamReader(stream, Encoding.Latin1);
        var head = new List<string>();
        while (await reader.ReadLineAsync() is { Length: > 0 } line) head.Add(line);
        var length = head.Select(line => line.Split(": ", 2))
            .FirstOrDefault(header => header[0].Equals("Content-Length", StringComparison.OrdinalIgnoreCase));
        var body = new char[length is null ? 0 : int.Parse(length[1], CultureInfo.InvariantCulture)];
        // ReadBlockAsync waits for data even when the buffer is empty.
        var read = body.Length == 0 ? 0 : await reader.ReadBlockAsync(body);
        return (int.Parse(head[0].Split(' ')[1], CultureInfo.InvariantCulture), string.Join('\n', head), new string(body, 0, read));
    }
}
