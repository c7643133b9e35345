using OtpPortal.Histories.Recording;

namespace OtpPortal.Histories.Checking;

/// <summary>The rules of codes: one success, for the right address, within the attempts.</summary>
internal static class CodeRules
{
    private const double DeadlineMargin = 5000;

    public static IEnumerable<Anomaly> Check(History history)
    {
        var submits = history.Operations.Where(operation => operation.Kind == OperationKind.Submit)
            .ToLookup(operation => operation.Flow!, StringComparer.Ordinal);
        var byEmail = history.Operations.Where(operation => operation.Kind is OperationKind.Begin or OperationKind.Mail)
            .GroupBy(operation => operation.Email!, StringComparer.Ordinal);
        foreach (var operations in byEmail)
        {
            var begins = operations.Where(operation => operation.Kind == OperationKind.Begin).OrderBy(begin => begin.Start).ToList();
            for (var i = 0; i < begins.Count; i++)
            {
                if (begins[i].Flow is null) continue;
                // A client begins the next sign-in of an address only after the code of the last one has arrived.
                var next = i + 1 < begins.Count ? begins[i + 1].Start : double.PositiveInfinity;
                var codes = operations.Where(mail => mail.Kind == OperationKind.Mail && mail.Start >= begins[i].Start && mail.Start < next)
                    .Select(mail => mail.Code!).ToHashSet(StringComparer.Ordinal);
                foreach (var anomaly in Check(begins[i], codes, [.. submits[begins[i].Flow!]], history.Settings)) yield return anomaly;
            }
        }
    }

    private static IEnumerable<Anomaly> Check(
        Operation begin, HashSet<string> codes, List<Operation> submits, RunSettings settings)
    {
        var successes = submits.Where(submit => submit.Status == 200).OrderBy(submit => submit.End).ToList();
        if (successes.Count > 1)
        {
            yield return new Anomaly(
                "code-succeeded-twice", "Two submissions of one sign-in succeed.", [begin, .. successes], successes[0]);
        }
        var wrong = submits.Where(submit => submit.Status == 401).OrderBy(submit => submit.End).ToList();
        foreach (var same in wrong.GroupBy(submit => submit.AttemptsLeft).Where(group => group.Count() > 1))
        {
            yield return new Anomaly(
                "attempt-not-counted", "Two wrong attempts leave the same number of attempts.", [begin, .. same], same.First());
        }
        foreach (var success in successes)
        {
            if (!codes.Contains(success.Code!))
                yield return new Anomaly("wrong-code-accepted", "A code succeeds that was not sent for this sign-in.", [begin, success]);
            if (success.AnsweredEmail != begin.Email)
                yield return new Anomaly("wrong-address", "A sign-in succeeds for another address.", [begin, success]);
            var before = wrong.Where(submit => submit.End < success.Start).ToList();
            if (before.Count >= settings.MaxAttempts)
            {
                yield return new Anomaly(
                    "locked-sign-in-accepted", "A code succeeds after the last attempt.", [begin, .. before, success], before[0]);
            }
        }
        foreach (var submit in submits)
        {
            var others = submits.Where(other => other != submit && other.Start < submit.End).ToList();
            var isRight = codes.Contains(submit.Code!);
            var mayBeUsed = others.Exists(other => other.Status == 200 || (other.IsUnknown && codes.Contains(other.Code!)));
            var mayBeLocked = others.Count(other => other.Status == 401 || other.IsUnknown) >= settings.MaxAttempts;
            if (isRight && !mayBeUsed && (submit.Status == 401 || (submit.Status == 429 && !mayBeLocked)))
                yield return new Anomaly("right-code-refused", "The right code is refused.", [begin, submit], begin);
            if (submit.Status == 410 && !mayBeUsed && submit.End < begin.Start + (settings.CodeLifetime * 1000) - DeadlineMargin)
            {
                yield return new Anomaly(
                    "flow-lost", "A sign-in has ended before its deadline, although no code can have succeeded.", [begin, submit], begin);
            }
        }
    }
}
