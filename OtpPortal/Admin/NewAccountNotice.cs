using System.Text.Json;
using OtpPortal.MagicLinks;
using OtpPortal.Security;
using OtpPortal.Storage;

namespace OtpPortal.Admin;

/// <summary>A newly created service account, with its key.</summary>
public sealed record AccountNotice(Guid Id, string Name, string Key)
{
    /// <summary>Omits the key, so it cannot leak into logs.</summary>
    public override string ToString() => Id.ToString();
}

/// <summary>
/// Passes the key of a new service account through the redirect after the form, to a single page of the administrator who
/// created it.
/// </summary>
/// <remarks>
/// Key layout in the token database: <c>admin:account:{SHA-256 of the administrator's session}</c>, the notice encrypted with
/// AES-GCM, for one minute or until it is read. The key is not exposed to a dump of Redis, a reload, the browser's history, or
/// another administrator.
/// </remarks>
public sealed class NewAccountNotice(Stores stores, AuthSecret secret)
{
    private static readonly TimeSpan s_retention = TimeSpan.FromMinutes(1);

    private readonly AeadProtector _protector = new(secret.DeriveKey("admin-new-account"));

    private StoreDatabase Database => stores.Auth.Database;

    public Task KeepAsync(AdminSession pass, string name, NewAccount made)
    {
        var place = KeyFor(pass);
        var notice = JsonSerializer.Serialize(new AccountNotice(made.Account.Id, name, made.Key));
        return Database.StringSetAsync(place, _protector.Protect(notice, place), s_retention);
    }

    /// <summary>Returns the notice and deletes it, or returns null if there is none.</summary>
    public async Task<AccountNotice?> TakeAsync(AdminSession pass)
    {
        var place = KeyFor(pass);
        var stored = await Database.StringGetAsync(place);
        if ((byte[]?)stored is not { } kept || !await Database.ClaimAsync(place, kept)) return null;
        return _protector.TryUnprotect(kept, place, out var notice) ? JsonSerializer.Deserialize<AccountNotice>(notice) : null;
    }

    private static string KeyFor(AdminSession pass) => "admin:account:" + Digest.Of(pass.Visit);
}
