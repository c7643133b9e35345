using OtpPortal.Histories.Recording;

namespace OtpPortal.Histories.Checking;

/// <summary>The rules of sessions: revocation, and no sign-out without a reason.</summary>
internal static class SessionRules
{
    public static IEnumerable<Anomaly> Check(SessionModel model) => model.Sessions.SelectMany(session =>
        Revoked(session).Concat(SignedOut(session, model.History.Settings)).Concat(Expired(session, model.History.Settings)))
        .Concat(Lists(model));

    /// <summary>Counts the refused tokens that the end of the grace period alone explains.</summary>
    public static int CountExpiredTokens(SessionModel model) => model.Tokens.Count(token => token.Checks.Exists(check =>
        check.Status == 403 && token.Session.IsLiveUntil(check.End, model.History.Settings)
        && !token.IsValidUntil(check.End, model.History.Settings)
        && !token.IsSupersededAt(check.End, model.History.Settings)));

    private static IEnumerable<Anomaly> Revoked(SignedInSession session)
    {
        foreach (var check in session.Tokens.SelectMany(token => token.Checks).Where(check => check.Status == 200))
        {
            if (session.RevocationBefore(check.Start) is not { } revocation) continue;
            yield return new Anomaly(
                "revoked-session-accepted", "A check succeeds that began after a revocation was acknowledged.",
                [session.SignIn, revocation, check], revocation);
        }
    }

    private static IEnumerable<Anomaly> SignedOut(SignedInSession session, RunSettings settings)
    {
        // The first refusal of a session. The others follow from it.
        var refused = session.Tokens
            .SelectMany(token => token.Checks.Where(check => check.Status == 403).Select(check => (Token: token, Check: check)))
            .Where(item => item.Token.IsValidUntil(item.Check.End, settings) && session.IsLiveUntil(item.Check.End, settings))
            .OrderBy(item => item.Check.End).FirstOrDefault();
        if (refused.Check is null) yield break;
        var wasAccepted = session.Tokens.Exists(token =>
            token.Checks.Exists(check => check.Status == 200 && check.End < refused.Check.Start));
        yield return !wasAccepted
            ? new Anomaly(
                "sign-in-lost", "The first check of an acknowledged sign-in is refused, and nothing has revoked the session.",
                [session.SignIn, refused.Check], session.SignIn)
            : new Anomaly(
                "signed-out", "A valid token is refused, and nothing has revoked its session.",
                [session.SignIn, refused.Token.Source, refused.Check], refused.Token.Source);
    }

    private static IEnumerable<Anomaly> Expired(SignedInSession session, RunSettings settings)
    {
        var checks = session.Tokens.SelectMany(token => token.Checks).OrderBy(check => check.Start).ToList();
        var lastUse = session.SignIn.End;
        foreach (var check in checks)
        {
            // The effect of an unknown check may come at any time.
            if (check.IsUnknown) yield break;
            if (check.Status != 200) continue;
            if (check.Start > lastUse + (settings.IdleLifetime * 1000) + SessionModel.Margin)
            {
                yield return new Anomaly(
                    "expired-session-accepted", "A check succeeds although the session was not used for its idle lifetime.",
                    [session.SignIn, check]);
            }
            lastUse = Math.Max(lastUse, check.End);
        }
    }

    private static IEnumerable<Anomaly> Lists(SessionModel model)
    {
        var settings = model.History.Settings;
        var byEmail = model.Sessions.ToLookup(session => session.Email, StringComparer.Ordinal);
        foreach (var list in model.History.Operations.Where(operation => operation is { Kind: OperationKind.List, Status: 200 }))
        {
            foreach (var token in list.Listed!.Select(listed => model.Find(listed.Token)).OfType<IssuedToken>())
            {
                if (!token.IsSupersededAt(list.Start, settings)) continue;
                yield return new Anomaly(
                    "superseded-token-listed", "A list contains a token although its successor's grace period has passed.",
                    [token.Source, token.Rotation!, list], token.Rotation);
            }
            var ids = list.Listed!.Select(listed => listed.Id).ToHashSet(StringComparer.Ordinal);
            foreach (var session in byEmail[list.Email!].Where(session => session.Id is not null))
            {
                var isListed = ids.Contains(session.Id!);
                if (isListed && session.RevocationBefore(list.Start) is { } revocation)
                {
                    yield return new Anomaly(
                        "revoked-session-listed", "A list that began after a revocation was acknowledged contains the session.",
                        [session.SignIn, revocation, list], revocation);
                }
                if (!isListed && session.SignIn.End < list.Start && session.IsLiveUntil(list.End, settings))
                {
                    yield return new Anomaly(
                        "live-session-not-listed", "A list lacks a session that nothing has revoked.",
                        [session.SignIn, list], session.SignIn);
                }
            }
        }
    }
}
