namespace OtpPortal.Sessions;

/// <summary>One sign-in of one browser, whatever its token is at the moment.</summary>
/// <param name="Id">Public name of the session, for lists and revocation; it signs nobody in.</param>
/// <param name="ExpiresAt">The end unless it is used before: the idle or the absolute timeout, whichever is first.</param>
/// <param name="Token">The current token.</param>
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

/// <summary>A token that was found good.</summary>
/// <param name="Token">The token to use from now on: the one that was checked, or its successor.</param>
/// <param name="ExpiresIn">How long it stays good unless it is used before.</param>
public sealed record LiveToken(string SessionId, string Email, string Token, TimeSpan ExpiresIn)
{
    public override string ToString() => $"Token of session {SessionId}";
}

/// <summary>What a list of sessions is sorted by.</summary>
public enum SessionOrder
{
    LastSeen,
    Created,
    Email,
}

/// <summary>Which part of the list of all sessions is asked for.</summary>
/// <param name="Prefix">What the addresses begin with, in lower case; empty for all.</param>
public sealed record SessionQuery(string Prefix, SessionOrder Order, bool Descending, int Skip, int Take);

/// <summary>A part of the list of all sessions.</summary>
/// <param name="Total">How many the whole list has; those that have just ended by themselves may still count.</param>
/// <param name="Order">What it is sorted by: a search with very many matches knows addresses alone.</param>
public sealed record SessionSlice(IReadOnlyList<Session> Sessions, long Total, SessionOrder Order);

/// <summary>A page of a list of sessions. <paramref name="Next"/> is null on the last one.</summary>
public sealed record SessionPage(IReadOnlyList<Session> Sessions, string? Next);
