using System.Buffers.Binary;
using Garnet.server;

namespace OtpPortal.Storage.Embedded;

/// <summary>Recovers what can be read of a store that does not open.</summary>
/// <remarks>
/// It reads the files of the log by itself, because Garnet gives up at the first entry that it does not understand: four bytes of length (negative for
/// Garnet's own bookkeeping, zero for padding up to the end of a page), the entry (see <see cref="StoreLog"/>), padding to a multiple of four.
/// Where that is not what the file holds, reading goes on at the next place where it is.
/// </remarks>
internal static class StoreSalvage
{
    private const int LengthSize = 4;

    // From Garnet 2: no entry crosses the end of a page, whose size is AofPageSize in GarnetHost.LogOptions.
    private const int PageSize = 8 * 1024 * 1024;

    /// <summary>
    /// Copies every entry that can be read to an empty store. Starts of transactions that never ended are left out, so that what was written later
    /// under the same session number, and acknowledged, counts again.
    /// </summary>
    public static async Task<SalvageReport> CopyAsync(string from, string to)
    {
        var report = new SalvageReport();
        for (var database = 0; database < GarnetHost.Databases; database++)
        {
            var files = FilesOf(from, database);
            var unfinished = FindUnfinishedStarts(files);
            using var target = await StoreLog.OpenLog.OpenAsync(to, database);
            var position = 0L;
            await target.AppendAsync(files.SelectMany(file => Read(file, report)).Where(_ => !unfinished.Contains(position++)).Select(entry =>
            {
                report.Entries++;
                return entry.ToArray();
            }));
        }
        return report;
    }

    private static List<string> FilesOf(string path, int database)
    {
        var directory = GarnetHost.LogOptions(path).GetAppendOnlyFileDirectory(database);
        return Directory.Exists(directory) ? [.. Directory.GetFiles(directory, "aof.log.*").OrderBy(file => file.Length).ThenBy(file => file, StringComparer.Ordinal)] : [];
    }

    // The positions of the TxnStart entries that another one of the same session follows, or no end at all.
    private static HashSet<long> FindUnfinishedStarts(List<string> files)
    {
        var unfinished = new HashSet<long>();
        var open = new Dictionary<int, long>();
        var position = 0L;
        foreach (var entry in files.SelectMany(file => Read(file, report: null)))
        {
            var session = StoreLog.SessionOf(entry.Span);
            switch (StoreLog.TypeOf(entry.Span))
            {
                case AofEntryType.TxnStart:
                    if (open.TryGetValue(session, out var earlier)) unfinished.Add(earlier);
                    open[session] = position;
                    break;
                case AofEntryType.TxnCommit or AofEntryType.TxnAbort:
                    open.Remove(session);
                    break;
            }
            position++;
        }
        unfinished.UnionWith(open.Values);
        return unfinished;
    }

    // Page by page, because entries do not cross the end of a page: damage in one says nothing about the next.
    private static IEnumerable<ReadOnlyMemory<byte>> Read(string file, SalvageReport? report)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        var page = new byte[PageSize];
        for (var start = 0L; stream.ReadAtLeast(page, PageSize, throwOnEndOfStream: false) is > 0 and var size; start += PageSize)
        {
            // The first 64 bytes of a log are never used.
            var at = start == 0 && file.EndsWith(".0", StringComparison.Ordinal) ? 64 : 0;
            while (at + LengthSize <= size)
            {
                var length = BinaryPrimitives.ReadInt32LittleEndian(page.AsSpan(at));
                var end = at + LengthSize + ((Math.Abs((long)length) + 3) & ~3L);
                if (length < 0 && end <= size)
                {
                    at = (int)end;
                    continue;
                }
                if (length > 0 && end <= size && IsEntry(page.AsSpan(at + LengthSize, length)))
                {
                    yield return page.AsMemory(at + LengthSize, length);
                    at = (int)end;
                    continue;
                }
                if (length != 0) report?.NoteUnreadable(file, start + at);
                at += LengthSize;
            }
        }
    }

    private static bool IsEntry(ReadOnlySpan<byte> entry) =>
        entry.Length >= StoreLog.HeaderSize && entry[0] is > 0 and < 16 && entry[1] < 16 && Enum.IsDefined(StoreLog.TypeOf(entry))
        && BinaryPrimitives.ReadInt64LittleEndian(entry[4..]) is >= 0 and < int.MaxValue;
}

/// <summary>What a salvage found.</summary>
internal sealed class SalvageReport
{
    private const int ShownPlaces = 20;
    private readonly List<string> _places = [];
    private (string File, long Address) _last;

    /// <summary>Entries that were copied.</summary>
    public long Entries { get; set; }

    /// <summary>How many separate places could not be read.</summary>
    public int UnreadablePlaces { get; private set; }

    /// <summary>The first of them: the file, and the byte at which each begins.</summary>
    public IReadOnlyList<string> Places => _places;

    public void NoteUnreadable(string file, long address)
    {
        var continues = _last.File == file && address - _last.Address <= 64;
        _last = (file, address);
        if (continues) return;
        if (++UnreadablePlaces <= ShownPlaces) _places.Add(FormattableString.Invariant($"{file} at byte {address}"));
    }
}
