using System.Net;
namespace OtpPortal.Storage;
internal sealed class EmbeddedStore : IDisposable
{
    public EndPoint EndPoint { get; } = new IPEndPoint(IPAddress.Loopback, 1);
    public string Password { get; } = "";
    public static EmbeddedStore Start(string dataDirectory, ILogger logger) => throw new EmbeddedStoreException("no" + dataDirectory + logger);
    public void Dispose() { }
}
internal sealed class EmbeddedStoreException(string message) : Exception(message);
