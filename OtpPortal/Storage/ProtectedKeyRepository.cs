using System.Security.Cryptography;
using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.Repositories;
using OtpPortal.Security;
using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>
/// Keeps the Data Protection keys in the token store, so that replicas and restarts read each other's circuits, and encrypts each
/// with a key derived from AUTH_SECRET_KEY, so that a dump of Redis opens nothing.
/// </summary>
/// <remarks>
/// Key layout: <c>dataprotection:keys</c>, a hash of name → AES-GCM of the XML. Keys under another AUTH_SECRET_KEY are ignored.
/// </remarks>
internal sealed class ProtectedKeyRepository(RedisStore store, AuthSecret secret) : IXmlRepository
{
    private static readonly RedisKey s_key = "dataprotection:keys";
    private readonly SealedText _seal = new(secret.DeriveKey("data-protection-keys"));

    public IReadOnlyCollection<XElement> GetAllElements()
    {
        var elements = new List<XElement>();
        foreach (var entry in store.Database.HashGetAll(s_key))
        {
            if (_seal.TryOpen((byte[])entry.Value!, (string)entry.Name!, out var xml)) elements.Add(XElement.Parse(xml));
        }
        return elements;
    }

    public void StoreElement(XElement element, string friendlyName)
    {
        var name = friendlyName.Length > 0 ? friendlyName : RandomNumberGenerator.GetHexString(16);
        store.Database.HashSet(s_key, name, _seal.Seal(element.ToString(SaveOptions.DisableFormatting), name));
    }
}
