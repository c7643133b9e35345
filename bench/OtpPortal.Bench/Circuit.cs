using System.Buffers;
using System.Buffers.Binary;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace OtpPortal.Bench;

/// <summary>
/// An open page: a WebSocket with as much of Blazor's protocol (MessagePack, length-prefixed messages) as a circuit needs to
/// start, render and stay connected.
/// </summary>
internal sealed partial class Circuit : IAsyncDisposable
{
    private static readonly HttpClient s_http = new(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false });
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(30);

    private static readonly byte[] s_ping = [0x91, 0x06];
    private static int s_opened;

    private readonly ClientWebSocket _socket = new();
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly CancellationTokenSource _end = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _drawn = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly byte[] _text;
    private Task _work = Task.CompletedTask;

    private Circuit(string text) => _text = Encoding.UTF8.GetBytes(text);

    /// <summary>
    /// Opens a page and its circuit. Completes when the circuit reports that it is ready or, if <paramref name="text"/> is not
    /// empty, when the text has been rendered.
    /// </summary>
    public static async Task<Circuit> OpenAsync(string portal, string path, string? cookie, string text = "")
    {
        var circuit = new Circuit(text);
        using var request = new HttpRequestMessage(HttpMethod.Get, portal + path);
        if (cookie is not null) request.Headers.Add("Cookie", cookie);
        using var response = await s_http.SendAsync(request);
        var html = await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync();
        if (cookie is not null) circuit._socket.Options.SetRequestHeader("Cookie", cookie);
        // Each circuit has its own client address, because the number of circuits per client is limited.
        var number = Interlocked.Increment(ref s_opened);
        circuit._socket.Options.SetRequestHeader("X-Forwarded-For", $"10.0.{(number >> 8) & 255}.{number & 255}");
        await circuit._socket.ConnectAsync(
            new Uri(portal.Replace("http:", "ws:", StringComparison.Ordinal) + "/_blazor"), CancellationToken.None);
        await circuit._socket.SendAsync(
            "{\"protocol\":\"blazorpack\",\"version\":1}\u001e"u8.ToArray(), WebSocketMessageType.Binary, endOfMessage: true,
            CancellationToken.None);
        circuit._work = circuit.ReceiveAsync();

        var state = State().Match(html).Groups[1].Value;
        var operations = Marker().Matches(html)
            .Select((marker, n) => $$"""{"type":"add","ssrComponentId":{{n + 1}},"marker":{{marker.Groups[1].Value}}}""");
        await circuit.SendAsync("0", "StartCircuit", portal + "/", portal + path, "[]", state);
        await circuit.SendAsync(null, "UpdateRootComponents", $$"""{"batchId":1,"operations":[{{string.Join(',', operations)}}]}""", state);
        await (text.Length > 0 ? circuit._drawn : circuit._ready).Task.WaitAsync(s_timeout);
        return circuit;
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _work;
        _socket.Dispose();
        _sending.Dispose();
        _end.Dispose();
    }

    private async Task ReceiveAsync()
    {
        try
        {
            using var ping = new Timer(_ => _ = SendAsync(s_ping), null, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(10));
            var buffer = new byte[64 * 1024];
            var length = 0;
            var greeted = false;
            while (true)
            {
                if (length == buffer.Length) Array.Resize(ref buffer, buffer.Length * 2);
                var read = await _socket.ReceiveAsync(buffer.AsMemory(length), _end.Token);
                if (read.MessageType == WebSocketMessageType.Close) return;
                length += read.Count;
                var start = 0;
                if (!greeted && buffer.AsSpan(0, length).IndexOf((byte)0x1e) is >= 0 and var mark) (greeted, start) = (true, mark + 1);
                while (greeted && Next(buffer.AsMemory(start, length - start)) is var (message, taken) && taken > 0)
                {
                    await HandleAsync(message);
                    start += taken;
                }
                buffer.AsSpan(start, length - start).CopyTo(buffer);
                length -= start;
            }
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException or ObjectDisposedException)
        {
            _ready.TrySetException(e);
            _drawn.TrySetException(e);
        }
    }

    private static (ReadOnlyMemory<byte> Message, int Taken) Next(ReadOnlyMemory<byte> bytes)
    {
        var length = 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            length |= (bytes.Span[i] & 0x7f) << (7 * i);
            if ((bytes.Span[i] & 0x80) == 0) return bytes.Length > i + length ? (bytes.Slice(i + 1, length), i + 1 + length) : default;
        }
        return default;
    }

    private async Task HandleAsync(ReadOnlyMemory<byte> message)
    {
        var reader = new Reader(message);
        if (reader.Read() is not int || reader.Read() is not 1L) return;
        // Headers and invocation id.
        reader.Read();
        reader.Read();
        var target = (string?)reader.Read();
        reader.Read();
        switch (target)
        {
            case "JS.RenderBatch":
                var batch = (long)reader.Read()!;
                var drawn = (ReadOnlyMemory<byte>)reader.Read()!;
                if (_text.Length > 0 && drawn.Span.IndexOf(_text) >= 0) _drawn.TrySetResult();
                await SendAsync(null, "OnRenderCompleted", batch, null);
                break;
            case "JS.BeginInvokeJS":
                var task = (long)reader.Read()!;
                var name = (string)reader.Read()!;
                if (name == "otpPortal.ready") _ready.TrySetResult();
                if (task != 0) await SendAsync(null, "EndInvokeJSFromDotNet", task, true, $"[{task},true,null]");
                break;
            case "JS.Error":
                throw new InvalidOperationException("The circuit failed: " + reader.Read());
            default:
                break;
        }
    }

    private Task SendAsync(string? id, string method, params object?[] arguments)
    {
        var body = new ArrayBufferWriter<byte>();
        Put(body, [0x96, 0x01, 0x80]);
        Write(body, id);
        Write(body, method);
        Put(body, [(byte)(0x90 | arguments.Length)]);
        foreach (var argument in arguments) Write(body, argument);
        Put(body, [0x90]);
        return SendAsync(body.WrittenMemory);
    }

    private async Task SendAsync(ReadOnlyMemory<byte> body)
    {
        var message = new ArrayBufferWriter<byte>();
        var length = body.Length;
        for (; length > 0x7f; length >>= 7) Put(message, [(byte)(length | 0x80)]);
        Put(message, [(byte)length]);
        message.Write(body.Span);
        try
        {
            await _sending.WaitAsync(_end.Token);
            try
            {
                await _socket.SendAsync(message.WrittenMemory, WebSocketMessageType.Binary, endOfMessage: true, _end.Token);
            }
            finally
            {
                _sending.Release();
            }
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException or ObjectDisposedException)
        {
            // The circuit has been disposed.
        }
    }

    private static void Put(ArrayBufferWriter<byte> writer, params ReadOnlySpan<byte> bytes) => writer.Write(bytes);

    private static void Write(ArrayBufferWriter<byte> writer, object? value)
    {
        switch (value)
        {
            case null:
                Put(writer, [0xc0]);
                break;
            case bool truth:
                Put(writer, [truth ? (byte)0xc3 : (byte)0xc2]);
                break;
            case long number:
                Put(writer, [0xd3]);
                BinaryPrimitives.WriteInt64BigEndian(writer.GetSpan(8), number);
                writer.Advance(8);
                break;
            default:
                var text = Encoding.UTF8.GetBytes((string)value);
                Put(writer, [0xdb]);
                BinaryPrimitives.WriteInt32BigEndian(writer.GetSpan(4), text.Length);
                writer.Advance(4);
                writer.Write(text);
                break;
        }
    }

    [GeneratedRegex("<!--Blazor:(\\{\"type\":\"server\".*?\\})-->", RegexOptions.Singleline, 1000)]
    private static partial Regex Marker();

    [GeneratedRegex("<!--Blazor-Server-Component-State:([^-]+)-->", RegexOptions.None, 1000)]
    private static partial Regex State();

    /// <summary>Reads MessagePack values: lengths of arrays and maps as int, numbers as long.</summary>
    private sealed class Reader(ReadOnlyMemory<byte> bytes)
    {
        private int _at;

        public object? Read()
        {
            var kind = bytes.Span[_at++];
            return kind switch
            {
                <= 0x7f => (long)kind,
                <= 0x8f => kind & 0x0f,
                <= 0x9f => kind & 0x0f,
                <= 0xbf => Text(kind & 0x1f),
                0xc0 => null,
                0xc2 => false,
                0xc3 => true,
                0xc4 => Take((int)Number(1)),
                0xc5 => Take((int)Number(2)),
                0xc6 => Take((int)Number(4)),
                0xcc or 0xd0 => Number(1),
                0xcd or 0xd1 => Number(2),
                0xce or 0xd2 => Number(4),
                0xcf or 0xd3 => Number(8),
                0xd9 => Text((int)Number(1)),
                0xda => Text((int)Number(2)),
                0xdb => Text((int)Number(4)),
                >= 0xe0 => (long)(sbyte)kind,
                _ => throw new JsonException($"MessagePack {kind:x2} is not expected here."),
            };
        }

        private long Number(int size)
        {
            var value = 0L;
            foreach (var digit in Take(size).Span) value = (value << 8) | digit;
            return value;
        }

        private string Text(int length) => Encoding.UTF8.GetString(Take(length).Span);

        private ReadOnlyMemory<byte> Take(int length)
        {
            var taken = bytes.Slice(_at, length);
            _at += length;
            return taken;
        }
    }
}
