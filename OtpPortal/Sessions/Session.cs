namespace OtpPortal.Sessions;

/// <summary>A browser's sign-in. The session stays the same when its token is rotated.</summary>
/// <param name="Id">Identifies the session in lists and for revocation. Not a secret: it does not grant access.</param>
/// <param name="ExpiresAt">The idle or the absolute timeout, whichever is first.</param>
/// <param name="Token">The current token; empty if it was stored under an earlier AUTH_SECRET_KEY.</param>
public sealed record Session(
    string Id,
    string Email,
    DateTimeOffset CreatedAt,
    DateTimeOffset LastSeenAt,
    DateTimeOffset ExpiresAt,
    string Ip,
    string UserAgent,
    string Token)
{
    /// <summary>Omits the token, so it cannot leak into logs.</summary>
    public override string ToString() => $"Session {Id}";
}

/// <summary>A valid token.</summary>
/// <param name="Token">The token to use from now on: the validated one or its successor.</param>
/// <param name="ExpiresIn">Time until the token expires if unused.</param>
public sealed record LiveToken(string SessionId, string Email, string Token, TimeSpan ExpiresIn)
{
    /// <inheritdoc cref="Session.ToString"/>
    public override string ToString() => $"Token of session {SessionId}";
}

/// <summary>Sort orders of the list of all sessions.</summary>
public enum SessionOrder
{
    /// <summary>By last use, to the minute.</summary>
    LastSeen,

    /// <summary>By creation.</summary>
    Created,

    /// <summary>By email address.</summary>
    Email,
}

/// <summary>Requests a slice of the list of all sessions.</summary>
/// <param name="Prefix">Lowercase prefix of the email addresses; empty for all.</param>
public sealed record SessionQuery(string Prefix, SessionOrder Order, bool Descending, int Skip, int Take);

/// <summary>A slice of the list of all sessions.</summary>
/// <param name="Total">Number of sessions in the whole list; may include expired ones.</param>
/// <param name="Order">The actual order: a search with many matches is always sorted by address.</param>
public sealed record SessionSlice(IReadOnlyList<Session> Sessions, long Total, SessionOrder Order);

/// <summary>A page of a list of sessions.</summary>
/// <param name="Next">The cursor of the next page; null on the last page.</param>
public sealed record SessionPage(IReadOnlyList<Session> Sessions, string? Next);
