using System.Buffers.Binary;
using Garnet.server;
using Tsavorite.core;

namespace OtpPortal.Storage.Embedded;

/// <summary>Checks and repairs Garnet's append-only logs, one per database, while no server uses them.</summary>
internal static class StoreLog
{
    private const int CommitEvery = 10_000;
    private static readonly TimeSpan s_commitTimeout = TimeSpan.FromSeconds(30);

    /// <summary>Reads the log of each database and returns their states.</summary>
    public static IReadOnlyList<LogState> Inspect(string path) =>
        [.. Enumerable.Range(0, GarnetHost.Databases).Select(database => Inspect(path, database))];

    /// <summary>
    /// Copies a log to an empty store without unacknowledged data: transactions without a commit, and everything after the last
    /// commit or a gap.
    /// </summary>
    public static async Task DropUnacknowledgedAsync(string from, string to, IReadOnlyList<LogState> states)
    {
        for (var database = 0; database < GarnetHost.Databases; database++)
        {
            await AppendAsync(to, database, AcknowledgedOf(from, database, states[database].OpenTransactions));
        }
    }

    /// <summary>
    /// Clears everything after the last commit of each log. Writes end at a multiple of 512 bytes, so a kill can leave half a
    /// commit record there; Garnet then fails to start or treats the whole log as empty.
    /// </summary>
    /// <remarks>
    /// Also removes Garnet's records of the last commit, which a kill can truncate as well. Garnet needs them only for speed.
    /// </remarks>
    public static void ClearAfterLastCommit(string path, IReadOnlyList<LogState> states)
    {
        for (var database = 0; database < GarnetHost.Databases; database++)
        {
            if (states[database].LastCommit is not { } commit) continue;
            var files = StoreLogReader.FilesOf(path, database);
            foreach (var file in files[(Array.IndexOf(files, commit.File) + 1)..]) File.Delete(file);
            ClearFrom(commit);
            var records = Path.Combine(Path.GetDirectoryName(commit.File)!, "log-commits");
            if (Directory.Exists(records)) Directory.Delete(records, recursive: true);
        }
    }

    /// <summary>
    /// Copies everything readable to an empty store. Omits starts of transactions without an end, and ends without a start.
    /// Keeps their writes, because a later process with the same session number may have written them, and they were
    /// acknowledged.
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

    /// <summary>Appends an empty transaction, to detect that a log is not writable before a client relies on it.</summary>
    /// <exception cref="CommitFailureException">The log is not writable.</exception>
    public static async Task ProveWritableAsync(string path)
    {
        for (var database = 0; database < GarnetHost.Databases; database++)
        {
            if (EntriesOf(path, database).Select(entry => entry.Entry.ToArray()).FirstOrDefault() is not { } first) continue;
            await AppendAsync(path, database, [Marker(AofEntryType.TxnStart, first), Marker(AofEntryType.TxnCommit, first)]);
        }
    }

    /// <summary>Appends entries to the log of one database. Returns their number once they are on disk.</summary>
    internal static async Task<long> AppendAsync(string path, int database, IEnumerable<byte[]> entries)
    {
        GarnetHost.LogOptions(path).GetAofSettings(database, out var settings);
        using (settings[0].LogDevice)
        using (settings[0].LogCommitManager)
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

    private static void ClearFrom(LogPlace place)
    {
        using var stream = new FileStream(place.File, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        var rest = new byte[stream.Length - place.Address];
        stream.Position = place.Address;
        stream.ReadExactly(rest);
        if (rest.AsSpan().IndexOfAnyExcept((byte)0) < 0) return;
        Array.Clear(rest);
        stream.Position = place.Address;
        stream.Write(rest);
        stream.Flush(flushToDisk: true);
    }

    private static Task CommitAsync(TsavoriteLog log) => log.CommitAsync().AsTask().WaitAsync(s_commitTimeout);

    private static IEnumerable<LogItem> EntriesOf(string path, int database) =>
        StoreLogReader.Read(path, database).Where(item => item.Kind == LogItemKind.Entry);

    private static IEnumerable<byte[]> AcknowledgedOf(string path, int database, Dictionary<int, long> open)
    {
        var position = 0L;
        var pending = new List<byte[]>();
        foreach (var item in StoreLogReader.Read(path, database).TakeWhile(item => item.Kind != LogItemKind.Gap))
        {
            if (item.Kind == LogItemKind.Commit)
            {
                foreach (var entry in pending) yield return entry;
                pending.Clear();
            }
            else
            {
                if (!open.TryGetValue(item.Session, out var start) || start > position) pending.Add(item.Entry.ToArray());
                position++;
            }
        }
    }

    private static LogState Inspect(string path, int database)
    {
        var state = new LogState();
        var pending = new List<(AofEntryType Type, int Session, long Position)>();
        var position = 0L;
        foreach (var item in StoreLogReader.Read(path, database))
        {
            if (item.Kind == LogItemKind.Gap) state.Gaps.Add(new LogPlace(item.File, item.Address));
            else if (state.Gaps.Count > 0) state.HasCommitAfterGap |= item.Kind == LogItemKind.Commit;
            else if (item.Kind == LogItemKind.Commit)
            {
                state.LastCommit = new LogPlace(item.File, item.End);
                foreach (var (type, session, at) in pending)
                {
                    if (type == AofEntryType.TxnStart) state.HasNestedTransactions |= !state.OpenTransactions.TryAdd(session, at);
                    else state.OpenTransactions.Remove(session);
                }
                pending.Clear();
            }
            else
            {
                if (item.Type is AofEntryType.TxnStart or AofEntryType.TxnCommit or AofEntryType.TxnAbort)
                {
                    pending.Add((item.Type, item.Session, position));
                }
                position++;
            }
        }
        var files = StoreLogReader.FilesOf(path, database);
        state.LastCommit ??= files.Length == 0 ? null : new LogPlace(files[0], 0);
        var rest = files.SkipWhile(file => file != state.LastCommit?.File).Sum(file => new FileInfo(file).Length);
        state.Rest = rest - (state.LastCommit?.Address ?? 0);
        return state;
    }

    // Returns the positions of transaction starts without an end before the session's next start, and of ends without a start,
    // on which Garnet fails.
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

    // Copies the versions of another entry, but not its flags, which describe the layout of longer entries. No session has
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

/// <summary>A position in a log.</summary>
internal sealed record LogPlace(string File, long Address)
{
    public override string ToString() => FormattableString.Invariant($"{File} at byte {Address}");
}

/// <summary>The state of a database's log, which determines the repair before Garnet may open it.</summary>
internal sealed class LogState
{
    // Maximum bytes in flight when a process is killed. A kill can lose one of these writes but not the next.
    private const long MaxInFlight = 1024 * 1024;

    /// <summary>
    /// The sessions that are inside a transaction at the last commit, as after a kill, with the positions of the transactions'
    /// starts.
    /// </summary>
    public Dictionary<int, long> OpenTransactions { get; } = [];

    /// <summary>Whether a session begins a transaction inside another one. Garnet cannot open such a log.</summary>
    public bool HasNestedTransactions { get; set; }

    /// <summary>Unreadable places that are followed by readable data.</summary>
    public List<LogPlace> Gaps { get; } = [];

    /// <summary>
    /// Whether a commit follows a gap. If a kill caused the gap, no later command was acknowledged: Garnet acknowledges a
    /// command once everything before it is on disk.
    /// </summary>
    public bool HasCommitAfterGap { get; set; }

    /// <summary>The end of the last commit before a gap, or the start of the log; null if there is no log.</summary>
    public LogPlace? LastCommit { get; set; }

    /// <summary>The number of bytes after <see cref="LastCommit"/>.</summary>
    public long Rest { get; set; }

    /// <summary>Whether transactions are nested, or more data follows the last commit than can have been in flight.</summary>
    public bool IsDamaged => HasNestedTransactions || Rest > MaxInFlight;
}
