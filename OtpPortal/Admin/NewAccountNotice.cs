using System.Text.Json;
using OtpPortal.MagicLinks;
using OtpPortal.Security;
using OtpPortal.Storage;
using StackExchange.Redis;

namespace OtpPortal.Admin;

/// <summary>A service account that an administrator has just made, with its key.</summary>
public sealed record AccountNotice(Guid Id, string Name, string Key)
{
    /// <summary>Leaves the key out, so that no log line can hold it.</summary>
    public override string ToString() => Id.ToString();
}

/// <summary>
/// Carries the key of a new service account over the redirect after its form, to the administrator who made it, and to one page alone.
/// </summary>
/// <remarks>
/// Key layout in the token database: <c>admin:account:{SHA-256 of the administrator's session}</c>, the notice sealed with AES-GCM, for a
/// minute and until it is read: a dump of Redis, a reload, the browser's history, and another administrator see no key.
/// </remarks>
public sealed class NewAccountNotice(Stores stores, AuthSecret secret)
{
    private static readonly TimeSpan s_kept = TimeSpan.FromMinutes(1);

    private readonly SealedText _seal = new(secret.DeriveKey("admin-new-account"));

    private IDatabase Database => stores.Auth.Database;

    public Task KeepAsync(AdminSession pass, string name, NewAccount made)
    {
        var place = PlaceOf(pass);
        var notice = JsonSerializer.Serialize(new AccountNotice(made.Account.Id, name, made.Key));
        return Database.StringSetAsync(place, _seal.Seal(notice, place), s_kept);
    }

    /// <summary>What there is to be told, once; null when there is nothing.</summary>
    public async Task<AccountNotice?> TakeAsync(AdminSession pass)
    {
        var place = PlaceOf(pass);
        if ((byte[]?)await Database.StringGetAsync(place) is not { } kept || !await Database.ClaimAsync(place, kept)) return null;
        return _seal.TryOpen(kept, place, out var notice) ? JsonSerializer.Deserialize<AccountNotice>(notice) : null;
    }

    private static string PlaceOf(AdminSession pass) => "admin:account:" + Digest.Of(pass.Visit);
}
