using OtpPortal.Histories.Recording;

namespace OtpPortal.Histories.Checking;

/// <summary>A token that the portal has issued.</summary>
internal sealed class IssuedToken(string text, SignedInSession session, Operation source)
{
    private double _mayRotateFrom = double.PositiveInfinity;

    public string Text => text;

    public SignedInSession Session => session;

    /// <summary>Gets the answer that contained the token first.</summary>
    public Operation Source => source;

    /// <summary>Gets the checks with this token, in the order of their ends.</summary>
    public List<Operation> Checks { get; } = [];

    /// <summary>Gets the first answer that contained a successor.</summary>
    public Operation? Rotation { get; private set; }

    public void Add(Operation check)
    {
        Checks.Add(check);
        var rotates = check.Status == 200 && check.Answered != text;
        if (rotates) Rotation ??= check;
        if (rotates || check.IsUnknown) _mayRotateFrom = Math.Min(_mayRotateFrom, check.Start);
    }

    /// <summary>Returns whether the token must be valid until a time, as far as rotation matters.</summary>
    public bool IsValidUntil(double time, RunSettings settings) =>
        time < _mayRotateFrom + (settings.Grace * 1000) - SessionModel.Margin;

    /// <summary>Returns whether the token must be invalid from a time on, because of its rotation.</summary>
    public bool IsSupersededAt(double time, RunSettings settings) =>
        Rotation is not null && time > Rotation.End + (settings.Grace * 1000) + SessionModel.Margin;
}

/// <summary>A session whose sign-in was acknowledged.</summary>
internal sealed class SignedInSession(Operation signIn)
{
    public Operation SignIn => signIn;

    public string Email => signIn.Email!;

    public List<IssuedToken> Tokens { get; } = [];

    /// <summary>Gets the id, if a list has contained one of the tokens.</summary>
    public string? Id { get; set; }

    /// <summary>Gets the revocations that may have taken effect.</summary>
    public List<Operation> PossibleRevocations { get; } = [];

    /// <summary>Gets the revocations after whose answer no check may succeed.</summary>
    public List<Operation> Revocations { get; } = [];

    /// <summary>Returns whether nothing can have ended the session before a time.</summary>
    public bool IsLiveUntil(double time, RunSettings settings) =>
        PossibleRevocations.TrueForAll(revocation => revocation.Start >= time)
        && time < LastUseBefore(time) + (settings.IdleLifetime * 990) - SessionModel.Margin;

    /// <summary>Returns the earliest revocation that was acknowledged before a time.</summary>
    public Operation? RevocationBefore(double time) =>
        Revocations.Where(revocation => revocation.End < time).MinBy(revocation => revocation.End);

    // The start of the last acknowledged use that ended before a time.
    private double LastUseBefore(double time) => Tokens.SelectMany(token => token.Checks)
        .Where(check => check.Status == 200 && check.End < time).Select(check => check.Start).Append(SignIn.Start).Max();
}

/// <summary>The sessions of a history.</summary>
internal sealed class SessionModel
{
    /// <summary>The tolerance of comparisons with the portal's clock, in milliseconds.</summary>
    public const double Margin = 500;

    private readonly Dictionary<string, IssuedToken> _tokens = new(StringComparer.Ordinal);

    public SessionModel(History history)
    {
        History = history;
        var operations = history.Operations.OrderBy(operation => operation.End).ToList();
        foreach (var operation in operations) Add(operation);
        foreach (var list in operations.Where(operation => operation is { Kind: OperationKind.List, Status: 200 }))
        {
            foreach (var listed in list.Listed!)
            {
                if (Find(listed.Token) is { } token) token.Session.Id ??= listed.Id;
            }
        }
        var byEmail = Sessions.ToLookup(session => session.Email, StringComparer.Ordinal);
        foreach (var operation in operations) AddRevocation(operation, byEmail);
    }

    public History History { get; }

    public List<SignedInSession> Sessions { get; } = [];

    public IEnumerable<IssuedToken> Tokens => _tokens.Values;

    /// <summary>Gets the answers with a token that already belonged to another session.</summary>
    public List<Operation> Shared { get; } = [];

    public IssuedToken? Find(string? text) => text is null ? null : _tokens.GetValueOrDefault(text);

    private void Add(Operation operation)
    {
        if (operation is { Kind: OperationKind.Submit, Status: 200, Answered: not null })
        {
            var session = new SignedInSession(operation);
            Sessions.Add(session);
            Issue(session, operation);
        }
        else if (operation.Kind == OperationKind.Check && Find(operation.Token) is { } token)
        {
            token.Add(operation);
            if (operation is { Status: 200, Answered: not null }) Issue(token.Session, operation);
        }
    }

    private void Issue(SignedInSession session, Operation answer)
    {
        if (Find(answer.Answered) is { } known)
        {
            if (known.Session != session) Shared.Add(answer);
            return;
        }
        var token = new IssuedToken(answer.Answered!, session, answer);
        _tokens.Add(token.Text, token);
        session.Tokens.Add(token);
    }

    private void AddRevocation(Operation operation, ILookup<string, SignedInSession> byEmail)
    {
        switch (operation.Kind)
        {
            case OperationKind.Logout when Find(operation.Token) is { } token:
                token.Session.PossibleRevocations.Add(operation);
                // A token whose grace period may have passed revokes nothing.
                if (operation.Status == 303 && token.IsValidUntil(operation.End, History.Settings))
                    token.Session.Revocations.Add(operation);
                break;
            case OperationKind.RevokeSession:
                foreach (var session in byEmail[operation.Email!])
                {
                    if (session.Id is null || session.Id == operation.SessionId) session.PossibleRevocations.Add(operation);
                    // 404 says that the session is not live, and it can never be live again.
                    if (session.Id == operation.SessionId && operation.Status is 204 or 404) session.Revocations.Add(operation);
                }
                break;
            case OperationKind.RevokeUser:
                foreach (var session in byEmail[operation.Email!])
                {
                    session.PossibleRevocations.Add(operation);
                    if (operation.Status == 204 && session.SignIn.End < operation.Start) session.Revocations.Add(operation);
                }
                break;
            default:
                break;
        }
    }
}
