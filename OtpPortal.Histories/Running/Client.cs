using OtpPortal.Histories.Recording;

namespace OtpPortal.Histories.Running;

/// <summary>A client that signs users in, checks, lists and revokes their sessions, in an order that its seed chooses.</summary>
internal sealed class Client(
    PortalApi api, SignIns signIns, IReadOnlyList<Replica> replicas, Recorder recorder, Random random, RunSettings settings)
{
    private const int MinSessions = 3;
    private const int MaxSessions = 8;
    private const int MaxRevoked = 40;
    private const int MaxRest = 120;

    private readonly List<UserSession> _sessions = [];
    private readonly List<UserSession> _resting = [];
    private readonly List<UserSession> _revoked = [];

    /// <summary>Runs until the time is up.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await StepAsync();
            await Task.Delay(random.Next(80), CancellationToken.None);
        }
    }

    /// <summary>Checks every session on every replica, after the last fault has ended.</summary>
    public async Task FinishAsync()
    {
        foreach (var session in _sessions.ToList())
        {
            foreach (var portal in replicas)
            {
                // A fault that has just ended may still have effects. The bound is a rule of the checker.
                Operation check;
                var end = recorder.Now + (2000 * settings.RecoveryBound);
                do check = await CheckAsync(session, portal);
                while (check.IsUnknown && recorder.Now < end);
            }
        }
        foreach (var email in _sessions.Select(session => session.Email).Distinct(StringComparer.Ordinal))
            await api.ListAsync(Pick(), email);
        foreach (var session in _revoked)
        {
            foreach (var portal in replicas) await api.CheckAsync(portal, session.Email, session.Token);
        }
    }

    private async Task StepAsync()
    {
        if (_resting.Find(session => recorder.Now >= session.WakesAt) is { } rested)
        {
            _resting.Remove(rested);
            _sessions.Add(rested);
            await CheckAsync(rested, Pick());
            return;
        }
        if (_sessions.Count < MinSessions)
        {
            await SignInAsync();
            return;
        }
        var session = _sessions[random.Next(_sessions.Count)];
        if (_sessions.Count > MaxSessions)
        {
            await RevokeAsync(session);
            return;
        }
        switch (random.Next(100))
        {
            case < 12:
                await SignInAsync();
                break;
            case < 42:
                await CheckAsync(session, Pick());
                break;
            case < 62:
                await CheckInParallelAsync(session);
                break;
            case < 70 when session.Old.Count > 0:
                // The last ones are within their grace period, the first ones beyond.
                await api.CheckAsync(Pick(), session.Email, session.Old[random.Next(session.Old.Count)]);
                break;
            case < 80 when _revoked.Count > 0:
                await CheckRevokedAsync(_revoked[random.Next(_revoked.Count)]);
                break;
            case < 88:
                await api.ListAsync(Pick(), session.Email);
                break;
            default:
                await RevokeAsync(session);
                break;
        }
    }

    private async Task SignInAsync()
    {
        foreach (var session in await signIns.SignInAsync())
        {
            if (settings.IdleLifetime <= MaxRest && random.Next(4) == 0)
            {
                session.WakesAt = recorder.Now + (settings.IdleLifetime * random.Next(500, 1500));
                _resting.Add(session);
            }
            else
            {
                _sessions.Add(session);
            }
        }
    }

    private async Task<Operation> CheckAsync(UserSession session, Replica portal)
    {
        var check = await api.CheckAsync(portal, session.Email, session.Token);
        session.Continue(check.Answered);
        if (check.Status == 403) _sessions.Remove(session);
        return check;
    }

    private async Task CheckInParallelAsync(UserSession session)
    {
        var first = random.Next(replicas.Count);
        var checks = await Task.WhenAll(Enumerable.Range(first, random.Next(2, 5))
            .Select(i => api.CheckAsync(replicas[i % replicas.Count], session.Email, session.Token)));
        session.Continue(checks.Select(check => check.Answered).FirstOrDefault(token => token is not null));
        if (Array.TrueForAll(checks, check => check.Status == 403)) _sessions.Remove(session);
    }

    private async Task CheckRevokedAsync(UserSession session)
    {
        var token = session.Old.Count > 0 && random.Next(3) == 0 ? session.Old[^1] : session.Token;
        await api.CheckAsync(Pick(), session.Email, token);
    }

    private async Task RevokeAsync(UserSession session)
    {
        var revoked = new List<UserSession> { session };
        var revocation = random.Next(10) switch
        {
            < 4 => api.LogoutAsync(Pick(), session.Email, session.Token),
            < 7 => RevokeByIdAsync(session),
            _ => RevokeUserAsync(session.Email, revoked),
        };
        // Two of three revocations race with checks on both replicas.
        if (random.Next(3) > 0)
        {
            await Task.Delay(random.Next(6), CancellationToken.None);
            await CheckInParallelAsync(session);
        }
        await revocation;
        foreach (var ended in revoked)
        {
            _sessions.Remove(ended);
            _resting.Remove(ended);
            _revoked.Add(ended);
            // Immediately, on every replica, and also with the token before, whose grace period has hardly begun.
            await Task.WhenAll(replicas.SelectMany(portal => ended.Old.TakeLast(1).Append(ended.Token)
                .Select(token => api.CheckAsync(portal, ended.Email, token))));
        }
        while (_revoked.Count > MaxRevoked) _revoked.RemoveAt(0);
    }

    private async Task RevokeByIdAsync(UserSession session)
    {
        var list = await api.ListAsync(Pick(), session.Email);
        if (list.Listed?.FirstOrDefault(listed => listed.Token == session.Token || session.Old.Contains(listed.Token)) is { } listed)
            await api.RevokeSessionAsync(Pick(), session.Email, listed.Id);
        else await api.LogoutAsync(Pick(), session.Email, session.Token);
    }

    private Task RevokeUserAsync(string email, List<UserSession> revoked)
    {
        revoked.AddRange(_sessions.Concat(_resting).Where(session => session.Email == email && !revoked.Contains(session)).ToList());
        return api.RevokeUserAsync(Pick(), email);
    }

    private Replica Pick() => replicas[random.Next(replicas.Count)];
}
