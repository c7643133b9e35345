using OtpPortal.Histories.Recording;

namespace OtpPortal.Histories.Checking;

/// <summary>The rules of rotation: a session has one line of tokens.</summary>
internal static class RotationRules
{
    public static IEnumerable<Anomaly> Check(SessionModel model) =>
        model.Tokens.SelectMany(token => Check(token, model.History.Settings))
            .Concat(model.Sessions.SelectMany(Predecessors))
            .Concat(model.Shared.Select(answer => new Anomaly(
                "shared-token", "Two sessions have the same token.", [model.Find(answer.Answered)!.Source, answer])));

    private static IEnumerable<Anomaly> Check(IssuedToken token, RunSettings settings)
    {
        var answers = token.Checks.Where(check => check.Status == 200).ToList();
        foreach (var answer in answers)
        {
            if (answer.AnsweredEmail != token.Session.Email)
            {
                yield return new Anomaly(
                    "wrong-address", "A check answers another address than that of the sign-in.", [token.Session.SignIn, answer]);
            }
            if (token.Source == token.Session.SignIn && answer.Answered == token.Text)
            {
                yield return new Anomaly(
                    "first-check-without-rotation", "The first token of a session is not rotated.", [token.Session.SignIn, answer]);
            }
            if (token.Rotation is not { } rotation) continue;
            if (answer.Answered != token.Text && answer.Answered != rotation.Answered)
            {
                yield return new Anomaly(
                    "two-successors", "Two checks of one token answer different successors.", [token.Source, rotation, answer], rotation);
            }
            if (answer.Answered == token.Text && answer.Start > rotation.End)
            {
                yield return new Anomaly(
                    "rotation-undone", "A token is current again after a check has answered its successor.",
                    [token.Source, rotation, answer], rotation);
            }
            if (token.IsSupersededAt(answer.Start, settings))
            {
                yield return new Anomaly(
                    "superseded-token-accepted", "A token is valid although its successor's grace period has passed.",
                    [token.Source, rotation, answer], rotation);
            }
        }
    }

    private static IEnumerable<Anomaly> Predecessors(SignedInSession session)
    {
        var rotations = session.Tokens.Where(token => token.Rotation is not null).Select(token => token.Rotation!);
        return rotations.GroupBy(rotation => rotation.Answered, StringComparer.Ordinal).Where(group => group.Count() > 1)
            .Select(group => new Anomaly("two-predecessors", "Two tokens have the same successor.", [.. group]));
    }
}
