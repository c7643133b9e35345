using System.Buffers.Binary;
using Garnet.server;
using Tsavorite.core;

namespace OtpPortal.Storage.Embedded;

/// <summary>Checks and mends Garnet's append-only logs while no server uses them. Each database has a log of its own.</summary>
internal static class StoreLog
{
    private const int CommitEvery = 10_000;
    private static readonly TimeSpan s_commitTimeout = TimeSpan.FromSeconds(30);

    /// <summary>Reads the log in <paramref name="path"/> once.</summary>
    public static LogState Inspect(string path)
    {
        var state = new LogState();
        for (var database = 0; database < GarnetHost.Databases; database++)
            state.OpenTransactions += FindOpenTransactions(path, database, state).Count;
        return state;
    }

    /// <summary>
    /// Copies a log to an empty store, without what was never acknowledged: transactions without a commit, and what follows the last
    /// commit.
    /// </summary>
    public static async Task DropUnacknowledgedAsync(string from, string to)
    {
        for (var database = 0; database < GarnetHost.Databases; database++)
        {
            var open = FindOpenTransactions(from, database, new LogState());
            await AppendAsync(to, database, AcknowledgedOf(from, database, open));
        }
    }

    /// <summary>
    /// Copies everything that can be read to an empty store. Starts of transactions that never ended, and ends without a start, are left
    /// out; their writes are kept, because they may be those of a later process that used the same session number, and were acknowledged.
    /// </summary>
    /// <returns>The number of entries that were copied.</returns>
    public static async Task<long> SalvageAsync(string from, string to)
    {
        var copied = 0L;
        for (var database = 0; database < GarnetHost.Databases; database++)
        {
            var unpaired = FindUnpairedMarkers(from, database);
            var entries = EntriesOf(from, database).Where((_, position) => !unpaired.Contains(position))
                .Select(entry => entry.Entry.ToArray());
            copied += await AppendAsync(to, database, entries);
        }
        return copied;
    }

    /// <summary>Writes an empty transaction, so that a log that cannot be written to is found out before a client relies on it.</summary>
    /// <exception cref="CommitFailureException">The log cannot be written to.</exception>
    public static async Task ProveWritableAsync(string path)
    {
        for (var database = 0; database < GarnetHost.Databases; database++)
        {
            if (EntriesOf(path, database).Select(entry => entry.Entry.ToArray()).FirstOrDefault() is not { } first) continue;
            await AppendAsync(path, database, [Marker(AofEntryType.TxnStart, first), Marker(AofEntryType.TxnCommit, first)]);
        }
    }

    /// <summary>Appends entries to the log of one database; returns how many, when they are on disk.</summary>
    internal static async Task<long> AppendAsync(string path, int database, IEnumerable<byte[]> entries)
    {
        GarnetHost.LogOptions(path).GetAofSettings(database, out var settings);
        using (settings[0])
        using (var log = new TsavoriteLog(settings[0]))
        {
            await log.RecoverAsync();
            var appended = 0L;
            foreach (var entry in entries)
            {
                log.Enqueue(entry);
                if (++appended % CommitEvery == 0) await CommitAsync(log);
            }
            await CommitAsync(log);
            return appended;
        }
    }

    private static Task CommitAsync(TsavoriteLog log) => log.CommitAsync().AsTask().WaitAsync(s_commitTimeout);

    private static IEnumerable<LogItem> EntriesOf(string path, int database) =>
        StoreLogReader.Read(path, database).Where(item => item.Kind == LogItemKind.Entry);

    private static IEnumerable<byte[]> AcknowledgedOf(string path, int database, Dictionary<int, long> open)
    {
        var position = 0L;
        var pending = new List<byte[]>();
        foreach (var item in StoreLogReader.Read(path, database))
        {
            if (item.Kind == LogItemKind.Commit)
            {
                foreach (var entry in pending) yield return entry;
                pending.Clear();
            }
            else if (item.Kind == LogItemKind.Entry)
            {
                if (!open.TryGetValue(item.Session, out var start) || start > position) pending.Add(item.Entry.ToArray());
                position++;
            }
        }
    }

    // The sessions that are inside a transaction at the last commit, with the position of its start.
    private static Dictionary<int, long> FindOpenTransactions(string path, int database, LogState state)
    {
        var open = new Dictionary<int, long>();
        var pending = new List<(AofEntryType Type, int Session, long Position)>();
        var position = 0L;
        var hasGap = false;
        foreach (var item in StoreLogReader.Read(path, database))
        {
            switch (item.Kind)
            {
                case LogItemKind.Gap:
                    hasGap = true;
                    state.Gaps.Add(new LogGap(item.File, item.Address));
                    break;
                case LogItemKind.Commit:
                    state.NoteCommit(item);
                    foreach (var (type, session, at) in pending)
                    {
                        // After a gap, the commit of the earlier transaction may be what the gap destroyed.
                        if (type == AofEntryType.TxnStart) state.HasNestedTransactions |= !open.TryAdd(session, at) && !hasGap;
                        else open.Remove(session);
                    }
                    pending.Clear();
                    break;
                case LogItemKind.Entry:
                    if (item.Type is AofEntryType.TxnStart or AofEntryType.TxnCommit or AofEntryType.TxnAbort)
                        pending.Add((item.Type, item.Session, position));
                    position++;
                    break;
            }
        }
        return open;
    }

    // The positions of starts that another start of the same session follows, or no end, and of ends without a start, on which Garnet
    // fails.
    private static HashSet<long> FindUnpairedMarkers(string path, int database)
    {
        var unpaired = new HashSet<long>();
        var open = new Dictionary<int, long>();
        var position = 0L;
        foreach (var entry in EntriesOf(path, database))
        {
            if (entry.Type is AofEntryType.TxnStart)
            {
                if (open.TryGetValue(entry.Session, out var earlier)) unpaired.Add(earlier);
                open[entry.Session] = position;
            }
            else if (entry.Type is AofEntryType.TxnCommit or AofEntryType.TxnAbort && !open.Remove(entry.Session)) unpaired.Add(position);
            position++;
        }
        unpaired.UnionWith(open.Values);
        return unpaired;
    }

    // Of the version and store version of another entry, without its flags, which say how a longer entry is laid out. No session has the
    // number -1.
    private static byte[] Marker(AofEntryType type, byte[] entry)
    {
        var marker = entry[..LogItem.HeaderSize];
        marker[1] = 0;
        marker[LogItem.TypeOffset] = (byte)type;
        BinaryPrimitives.WriteInt32LittleEndian(marker.AsSpan(LogItem.SessionOffset), -1);
        return marker;
    }
}

/// <summary>A place in a log that cannot be read, with something readable after it.</summary>
internal sealed record LogGap(string File, long Address)
{
    public override string ToString() => FormattableString.Invariant($"{File} at byte {Address}");
}

/// <summary>What a log needs before Garnet may open it.</summary>
internal sealed class LogState
{
    // A kill can lose one of the writes that are on their way to the disk at that moment and not the next one. That is far less than this.
    private const long MaxInFlight = 1024 * 1024;

    private bool _hasLargeRestAfterGap;

    /// <summary>Transactions with a start and no commit, as a kill leaves them.</summary>
    public int OpenTransactions { get; set; }

    /// <summary>True when a session begins a transaction inside another one. Garnet does not open such a log.</summary>
    public bool HasNestedTransactions { get; set; }

    /// <summary>Places that cannot be read.</summary>
    public List<LogGap> Gaps { get; } = [];

    /// <summary>
    /// True when transactions are nested, or more follows a gap than can have been on its way to the disk when a process was killed.
    /// </summary>
    public bool IsDamaged => HasNestedTransactions || _hasLargeRestAfterGap;

    public void NoteCommit(LogItem commit)
    {
        _hasLargeRestAfterGap |= Gaps.LastOrDefault() is { } gap && (gap.File != commit.File || commit.Address - gap.Address > MaxInFlight);
    }
}
