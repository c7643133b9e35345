namespace OtpPortal.Sessions;

/// <summary>Lists live sessions for administrators, API clients and users.</summary>
public sealed class SessionList(SessionIndex index, TokenStore tokens)
{
    /// <summary>How many sessions of an order <see cref="SliceAsync"/> shows; a search finds the others.</summary>
    public const int MaxShown = 1000;

    private const int PageSize = 200;

    // A search with more matches is sorted by address; any other order would require reading all matches.
    private const int MaxSorted = 200;

    // A slice that contained expired sessions is read again without them, up to this number of reads.
    private const int MaxReads = 4;

    /// <summary>
    /// Returns a slice of the first <see cref="MaxShown"/> live sessions. The number of commands does not depend on the number of
    /// sessions.
    /// </summary>
    public async Task<SessionSlice> SliceAsync(SessionQuery query)
    {
        if (query.Prefix.Length == 0 || query.Order == SessionOrder.Email) return await ReadFirstAsync(query);

        var matches = await ReadFirstAsync(new SessionQuery(query.Prefix, SessionOrder.Email, Descending: false, 0, MaxSorted));
        if (matches.Total > MaxSorted) return await ReadFirstAsync(query with { Order = SessionOrder.Email });
        var sorted = matches.Sessions
            .OrderBy(session => query.Order == SessionOrder.Created ? session.CreatedAt : session.LastSeenAt).ToList();
        if (query.Descending) sorted.Reverse();
        return new SessionSlice([.. sorted.Skip(query.Skip).Take(query.Take)], matches.Total, query.Order);
    }

    /// <summary>Returns the live sessions of an address, newest first.</summary>
    public async Task<IReadOnlyList<Session>> OfUserAsync(string email) =>
        [.. (await tokens.ReadAsync([.. (await index.OfUserAsync(email)).Select(entry => entry.Sid)])).OfType<Session>()];

    /// <summary>
    /// Lists all live sessions, or those of one address, oldest first. Reads pages lazily, and all sessions in 16 runs by their
    /// id, each of which is oldest first.
    /// </summary>
    public async IAsyncEnumerable<Session> ListAsync(string? email = null)
    {
        SessionCursor? cursor = null;
        do
        {
            (var sessions, cursor) = await ReadAfterAsync(email, cursor, PageSize);
            foreach (var session in sessions) yield return session;
        }
        while (cursor is not null);
    }

    /// <summary>Returns one page of <see cref="ListAsync"/>, or null if the cursor is malformed.</summary>
    public async Task<SessionPage?> PageAsync(string? email, int limit, string? cursor)
    {
        SessionCursor? position = null;
        if (cursor is not null && !SessionCursor.TryParse(cursor, out position)) return null;

        var page = new List<(Session Session, int Shard)>();
        do
        {
            var shard = position?.Shard ?? 0;
            // One more than the limit, to detect whether there is a next page.
            (var sessions, position) = await ReadAfterAsync(email, position, Math.Max(limit + 1 - page.Count, 20));
            page.AddRange(sessions.Select(session => (session, shard)));
        }
        while (position is not null && page.Count <= limit);
        if (page.Count <= limit) return new SessionPage([.. page.Select(item => item.Session)], null);

        var (last, of) = page[limit - 1];
        var next = new SessionCursor(of, new SessionEntry(last.Id, last.Email, last.CreatedAt).Position!);
        return new SessionPage([.. page.Take(limit).Select(item => item.Session)], next.ToString());
    }

    private async Task<(List<Session> Sessions, SessionCursor? Next)> ReadAfterAsync(string? email, SessionCursor? after, int take)
    {
        var (entries, next) = await index.ReadAsync(email, after, take);
        var (sessions, _) = await ReadAsync(entries);
        return (sessions, next);
    }

    private async Task<SessionSlice> ReadFirstAsync(SessionQuery query)
    {
        var shown = Math.Min(query.Skip + query.Take, MaxShown);
        for (var read = 1; ; read++)
        {
            var (entries, total) = await index.FirstAsync(query.Order, query.Prefix, query.Descending, shown);
            var (sessions, expired) = await ReadAsync(entries.Skip(query.Skip));
            if (expired == 0 || read == MaxReads) return new SessionSlice(sessions, total, query.Order);
        }
    }

    /// <summary>Reads the live sessions of entries, and removes the entries of the others.</summary>
    private async Task<(List<Session> Sessions, int Expired)> ReadAsync(IEnumerable<SessionEntry> read)
    {
        var entries = read.ToList();
        var sessions = await tokens.ReadAsync([.. entries.Select(entry => entry.Sid)]);
        var expired = entries.Where((_, i) => sessions[i] is null).ToList();
        await Task.WhenAll(expired.Select(tokens.DeleteAsync));
        return ([.. sessions.OfType<Session>()], expired.Count);
    }
}
