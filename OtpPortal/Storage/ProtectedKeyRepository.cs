using System.Security.Cryptography;
using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.Repositories;
using OtpPortal.Security;
using StackExchange.Redis;

namespace OtpPortal.Storage;

/// <summary>
/// Stores the Data Protection keys in the token store, so that all replicas share them and they survive restarts. Each is
/// encrypted with a key derived from AUTH_SECRET_KEY, so a dump of Redis does not expose them.
/// </summary>
/// <remarks>
/// Key layout: <c>dataprotection:keys</c>, a hash of name → AES-GCM of the XML. Keys encrypted under another AUTH_SECRET_KEY
/// are skipped.
/// </remarks>
internal sealed class ProtectedKeyRepository(RedisStore store, AuthSecret secret) : IXmlRepository
{
    private static readonly RedisKey s_key = "dataprotection:keys";
    private readonly AeadProtector _protector = new(secret.DeriveKey("data-protection-keys"));

    public IReadOnlyCollection<XElement> GetAllElements()
    {
        var elements = new List<XElement>();
        foreach (var entry in store.Database.Client.HashGetAll(s_key, CommandFlags.DemandMaster))
        {
            if (_protector.TryUnprotect((byte[])entry.Value!, (string)entry.Name!, out var xml)) elements.Add(XElement.Parse(xml));
        }
        return elements;
    }

    public void StoreElement(XElement element, string friendlyName)
    {
        var name = friendlyName.Length > 0 ? friendlyName : RandomNumberGenerator.GetHexString(16);
        store.Database.Client.HashSet(s_key, name, _protector.Protect(element.ToString(SaveOptions.DisableFormatting), name));
    }
}
