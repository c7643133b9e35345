using OtpPortal.Histories.Checking;
using OtpPortal.Histories.Recording;

namespace OtpPortal.Tests.Histories;

/// <summary>
/// Writes a history by hand. Each call takes one second and starts one second after the last one has ended, unless
/// <see cref="At"/> sets another time.
/// </summary>
internal sealed class HistoryBuilder
{
    public const string Email = "ann@example.com";

    private readonly List<Operation> _operations = [];
    private readonly List<Fault> _faults = [];
    private double _now;

    public RunSettings Settings { get; init; } = new() { Kind = "redis", Seed = 1, Duration = 60 };

    /// <summary>Sets the start of the next call, in seconds.</summary>
    public HistoryBuilder At(double seconds)
    {
        _now = seconds * 1000;
        return this;
    }

    /// <summary>Adds a sign-in with the right code.</summary>
    public HistoryBuilder SignIn(string token, string flow = "f1", string code = "111111", string email = Email) =>
        Begin(flow, email).Mail(code, email).Submit(flow, code, 200, token, email);

    public HistoryBuilder Begin(string flow = "f1", string email = Email) =>
        Add(OperationKind.Begin, 202, call => call with { Flow = flow, Email = email });

    public HistoryBuilder Mail(string code, string email = Email)
    {
        Add(OperationKind.Mail, 200, mail => mail with { Code = code, Email = email, End = mail.Start });
        return this;
    }

    public HistoryBuilder Submit(string flow, string code, int? status, string? answered = null, string email = Email, int? left = null) =>
        Add(OperationKind.Submit, status, call => call with
        {
            Flow = flow,
            Code = code,
            Email = email,
            Answered = answered,
            AnsweredEmail = answered is null ? null : email,
            AttemptsLeft = left,
        });

    /// <summary>Adds a check. It succeeds if it has an answer.</summary>
    public HistoryBuilder Check(string token, string answered, string portal = "a", string email = Email) =>
        Add(OperationKind.Check, 200, call => call with
        {
            Token = token,
            Answered = answered,
            AnsweredEmail = email,
            Email = Email,
            Portal = portal,
        });

    public HistoryBuilder Refused(string token) => Check(token, 403);

    public HistoryBuilder Unanswered(string token) => Check(token, null);

    public HistoryBuilder Check(string token, int? status) =>
        Add(OperationKind.Check, status, call => call with { Token = token, Email = Email, Portal = "a" });

    public HistoryBuilder Logout(string token, int? status = 303) =>
        Add(OperationKind.Logout, status, call => call with { Token = token, Email = Email });

    public HistoryBuilder RevokeSession(string id, int? status = 204) =>
        Add(OperationKind.RevokeSession, status, call => call with { SessionId = id, Email = Email });

    public HistoryBuilder RevokeUser(string email = Email, int? status = 204) =>
        Add(OperationKind.RevokeUser, status, call => call with { Email = email });

    public HistoryBuilder List(params (string Id, string Token)[] sessions) => Add(OperationKind.List, 200, call => call with
    {
        Email = Email,
        Listed = [.. sessions.Select(session => new ListedSession(session.Id, session.Token))],
    });

    public HistoryBuilder Fault(double start, double end, string name = "kill")
    {
        _faults.Add(new Fault(name, "redis", start * 1000, end * 1000));
        return this;
    }

    public History ToHistory() => new(Settings, _operations, _faults);

    public Report Report() => Checker.Check(ToHistory());

    /// <summary>Returns the broken rules, in the order of their operations.</summary>
    public IEnumerable<string> Broken() => Report().Anomalies.Select(anomaly => anomaly.Rule);

    private HistoryBuilder Add(OperationKind kind, int? status, Func<Operation, Operation> fill)
    {
        _operations.Add(fill(new Operation
        {
            Id = _operations.Count + 1,
            Kind = kind,
            Portal = "a",
            Start = _now,
            End = _now + 1000,
            Status = status,
        }));
        _now += 2000;
        return this;
    }
}
