using System.Globalization;
using OtpPortal.Histories.Recording;

namespace OtpPortal.Histories.Running;

/// <summary>Signs one client's users in, in the ways that a code can be used and misused.</summary>
internal sealed class SignIns(PortalApi api, MailServer mail, IReadOnlyList<Replica> replicas, Random random, int client)
{
    private static readonly TimeSpan s_mailTimeout = TimeSpan.FromSeconds(10);
    private const int MaxAttempts = 5;
    private const int MaxAddresses = 4;

    private readonly List<string> _addresses = [];
    private int _addressCount;

    /// <summary>Signs in once. Returns the new sessions.</summary>
    public async Task<IReadOnlyList<UserSession>> SignInAsync()
    {
        if (await BeginAsync() is not { } pending) return [];
        switch (random.Next(20))
        {
            case < 9:
                break;
            case < 12:
                await SubmitAsync(pending, WrongCode(pending.Code));
                break;
            case < 14:
                return await SubmitCodesOfEachOtherAsync(pending);
            case < 18:
                return await SubmitTwiceAsync(pending);
            case < 19:
                // Both attempts must be counted.
                await Task.WhenAll(replicas.Select(portal =>
                    api.SubmitAsync(portal, pending.Email, pending.Flow, WrongCode(pending.Code))));
                break;
            default:
                for (var attempt = 0; attempt < MaxAttempts; attempt++) await SubmitAsync(pending, WrongCode(pending.Code));
                break;
        }
        var sessions = SessionsOf(await SubmitAsync(pending, pending.Code));
        // A code that has been used is useless.
        if (random.Next(4) == 0) return [.. sessions, .. SessionsOf(await SubmitAsync(pending, pending.Code))];
        return sessions;
    }

    private async Task<Pending?> BeginAsync()
    {
        var email = PickAddress();
        var number = mail.CountOf(email);
        var begun = await api.BeginAsync(Pick(), email);
        if (begun.Flow is not null && await mail.CodeAsync(email, number, s_mailTimeout) is { } code)
            return new Pending(email, begun.Flow, code);
        // A late code of this sign-in must not be taken for one of the next.
        _addresses.Remove(email);
        return null;
    }

    private async Task<IReadOnlyList<UserSession>> SubmitTwiceAsync(Pending pending)
    {
        var answers = await Task.WhenAll(
            Enumerable.Range(0, 2).Select(i => api.SubmitAsync(replicas[i % replicas.Count], pending.Email, pending.Flow, pending.Code)));
        return SessionsOf(answers);
    }

    private async Task<IReadOnlyList<UserSession>> SubmitCodesOfEachOtherAsync(Pending pending)
    {
        if (await BeginAsync() is not { } other || other.Email == pending.Email)
            return SessionsOf(await SubmitAsync(pending, pending.Code));
        var crossed = await SubmitAsync(pending, other.Code);
        return SessionsOf(crossed, await SubmitAsync(other, other.Code), await SubmitAsync(pending, pending.Code));
    }

    private Task<Operation> SubmitAsync(Pending pending, string code) => api.SubmitAsync(Pick(), pending.Email, pending.Flow, code);

    private static IReadOnlyList<UserSession> SessionsOf(params Operation[] answers) =>
        [.. answers.Where(answer => answer.Answered is not null).Select(answer => new UserSession(answer.Email!, answer.Answered!))];

    private string PickAddress()
    {
        if (_addresses.Count > 0 && random.Next(2) == 0) return _addresses[random.Next(_addresses.Count)];
        var email = string.Create(CultureInfo.InvariantCulture, $"user{client}-{++_addressCount}@example.com");
        _addresses.Add(email);
        if (_addresses.Count > MaxAddresses) _addresses.RemoveAt(0);
        return email;
    }

    private Replica Pick() => replicas[random.Next(replicas.Count)];

    private string WrongCode(string right)
    {
        while (true)
        {
            var code = random.Next(1_000_000).ToString("D6", CultureInfo.InvariantCulture);
            if (code != right) return code;
        }
    }

    private sealed record Pending(string Email, string Flow, string Code);
}
