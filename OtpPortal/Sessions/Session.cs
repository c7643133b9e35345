namespace OtpPortal.Sessions;

/// <summary>A sign-in of one browser. Its tokens change, the session stays the same.</summary>
/// <param name="Id">Identifies the session in lists and for revocation. Not a secret: nobody can sign in with it.</param>
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
    /// <summary>Leaves the token out, so that no log line can hold it.</summary>
    public override string ToString() => $"Session {Id}";
}

/// <summary>A valid token.</summary>
/// <param name="Token">The token to use from now on: the one that was checked, or its successor.</param>
/// <param name="ExpiresIn">How long the token stays valid if it is not used.</param>
public sealed record LiveToken(string SessionId, string Email, string Token, TimeSpan ExpiresIn)
{
    /// <inheritdoc cref="Session.ToString"/>
    public override string ToString() => $"Token of session {SessionId}";
}

/// <summary>The orders of the list of all sessions.</summary>
public enum SessionOrder
{
    /// <summary>By last use, to the minute.</summary>
    LastSeen,

    /// <summary>By creation.</summary>
    Created,

    /// <summary>By email address.</summary>
    Email,
}

/// <summary>Requests a part of the list of all sessions.</summary>
/// <param name="Prefix">The beginning of the addresses, in lower case; empty for all.</param>
public sealed record SessionQuery(string Prefix, SessionOrder Order, bool Descending, int Skip, int Take);

/// <summary>A part of the list of all sessions.</summary>
/// <param name="Total">Number of sessions in the whole list. May include some that have just expired.</param>
/// <param name="Order">The order of the list: a search with many matches is sorted by address, whatever order was requested.</param>
public sealed record SessionSlice(IReadOnlyList<Session> Sessions, long Total, SessionOrder Order);

/// <summary>A page of a list of sessions.</summary>
/// <param name="Next">The cursor of the next page; null on the last page.</param>
public sealed record SessionPage(IReadOnlyList<Session> Sessions, string? Next);
