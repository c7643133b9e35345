namespace OtpPortal.Sessions;

/// <summary>Lists live sessions for administrators, API clients and users.</summary>
public sealed class SessionList(SessionIndex index, TokenStore tokens)
{
    private const int PageSize = 200;

    // A search with more matches is sorted by address; any other order would require reading all matches.
    private const int MaxSorted = 200;

    // A slice that contained expired sessions is read again without them, up to this number of reads.
    private const int MaxReads = 4;

    /// <summary>
    /// Returns a slice of the live sessions. The number of commands does not depend on the number of sessions.
    /// </summary>
    public async Task<SessionSlice> SliceAsync(SessionQuery query)
    {
        if (query.Prefix.Length == 0) return await ReadRanksAsync(query, 0, null);

        var (start, stop) = await index.FindAsync(query.Prefix);
        if (query.Order == SessionOrder.Email || stop - start > MaxSorted)
        {
            return await ReadRanksAsync(query with { Order = SessionOrder.Email }, start, stop);
        }

        var all = await ReadRanksAsync(new SessionQuery(query.Prefix, SessionOrder.Email, Descending: false, 0, MaxSorted), start, stop);
        var sorted = all.Sessions.OrderBy(session => query.Order == SessionOrder.Created ? session.CreatedAt : session.LastSeenAt).ToList();
        if (query.Descending) sorted.Reverse();
        return new SessionSlice([.. sorted.Skip(query.Skip).Take(query.Take)], all.Total, query.Order);
    }

    /// <summary>Returns the live sessions of an address, newest first.</summary>
    public async Task<IReadOnlyList<Session>> OfUserAsync(string email) =>
        [.. (await tokens.ReadAsync(await index.OfUserAsync(email))).OfType<Session>()];

    /// <summary>Lists all live sessions, or those of one address, oldest first. Reads pages lazily.</summary>
    public async IAsyncEnumerable<Session> ListAsync(string? email = null)
    {
        SessionCursor? cursor = null;
        do
        {
            (var sessions, cursor) = await ReadAfterAsync(email, cursor, PageSize);
            foreach (var (session, _) in sessions) yield return session;
        }
        while (cursor is not null);
    }

    /// <summary>Returns one page of <see cref="ListAsync"/>, or null if the cursor is malformed.</summary>
    public async Task<SessionPage?> PageAsync(string? email, int limit, string? cursor)
    {
        SessionCursor? position = null;
        if (cursor is not null && !SessionCursor.TryParse(cursor, out position)) return null;

        var page = new List<(Session Session, SessionCursor Position)>();
        do
        {
            // One more than the limit, to detect whether there is a next page.
            (var sessions, position) = await ReadAfterAsync(email, position, Math.Max(limit + 1 - page.Count, 20));
            page.AddRange(sessions);
        }
        while (position is not null && page.Count <= limit);
        return page.Count <= limit
            ? new SessionPage([.. page.Select(item => item.Session)], null)
            : new SessionPage([.. page.Take(limit).Select(item => item.Session)], page[limit - 1].Position.ToString());
    }

    private async Task<(List<(Session Session, SessionCursor Position)> Sessions, SessionCursor? Next)> ReadAfterAsync(
        string? email, SessionCursor? after, int take)
    {
        var (positions, next) = await index.ReadAsync(email, after, take);
        var sessions = await tokens.ReadAsync([.. positions.Select(position => position.Sid)]);
        var live = new List<(Session, SessionCursor)>();
        for (var i = 0; i < positions.Count; i++)
        {
            if (sessions[i] is { } session) live.Add((session, positions[i]));
            else await tokens.DeleteAsync(positions[i].Sid, email);
        }
        return (live, next);
    }

    private async Task<SessionSlice> ReadRanksAsync(SessionQuery query, long start, long? stop)
    {
        for (var read = 1; ; read++)
        {
            var end = stop ?? await index.CountAsync(query.Order);
            var (first, last) = query.Descending
                ? (Math.Max(start, end - query.Skip - query.Take), end - query.Skip - 1)
                : (start + query.Skip, Math.Min(end, start + query.Skip + query.Take) - 1);
            var entries = await index.RangeAsync(query.Order, first, last);
            if (query.Descending) Array.Reverse(entries);
            var sessions = await tokens.ReadAsync([.. entries.Select(entry => entry.Sid)]);

            var expired = entries.Where((_, i) => sessions[i] is null).ToList();
            if (expired.Count == 0 || read == MaxReads) return new SessionSlice([.. sessions.OfType<Session>()], end - start, query.Order);
            await Task.WhenAll(expired.Select(entry => tokens.DeleteAsync(entry.Sid, entry.Email)));
            stop -= expired.Count;
        }
    }
}
