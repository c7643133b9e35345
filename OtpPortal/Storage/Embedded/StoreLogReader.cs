using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Garnet.server;

namespace OtpPortal.Storage.Embedded;

/// <summary>What stands at one place of a log.</summary>
internal enum LogItemKind
{
    /// <summary>An entry that Garnet wrote for a command.</summary>
    Entry,

    /// <summary>Everything before it was on disk before any client was answered.</summary>
    Commit,

    /// <summary>Bytes that are nothing that Garnet writes, with something readable after them.</summary>
    Gap,
}

/// <param name="Entry">The entry, valid until the next item is read; empty for other kinds.</param>
/// <param name="File">The file that holds the item.</param>
/// <param name="Address">The byte in that file at which it begins.</param>
/// <param name="End">The byte in that file after its end; the address for a gap.</param>
internal readonly record struct LogItem(LogItemKind Kind, ReadOnlyMemory<byte> Entry, string File, long Address, long End)
{
    /// <summary>Bytes at the beginning of every entry: Garnet's <c>AofHeader</c>.</summary>
    public const int HeaderSize = 16;

    internal const int TypeOffset = 2;
    internal const int StoreVersionOffset = 4;
    internal const int SessionOffset = 12;

    public AofEntryType Type => (AofEntryType)Entry.Span[TypeOffset];

    /// <summary>The number of the connection that wrote it, unique within one process.</summary>
    public int Session => BinaryPrimitives.ReadInt32LittleEndian(Entry.Span[SessionOffset..]);
}

/// <summary>Reads the files of Garnet's append-only log by itself.</summary>
/// <remarks>
/// Garnet cannot be asked: at the first bytes that it does not understand it takes the log to end, says nothing, and overwrites the rest. A
/// log is a sequence of pages. A page holds records: four bytes of length, so many bytes, padding to a multiple of four. A negative length
/// is that of a commit record; zeros fill the page up.
/// </remarks>
internal static class StoreLogReader
{
    private const int LengthSize = 4;

    // The first bytes of a log are never used.
    private const int FirstAddress = 64;

    // The content of a commit record without a cookie, which Garnet does not use: version, checksum, begin, end, number, length of the
    // cookie (-1).
    private const int CommitSize = 40;

    // No record crosses the end of a page: AofPageSize in GarnetHost.LogOptions.
    private const int PageSize = 8 * 1024 * 1024;

    /// <summary>Returns the files of a log, in their order.</summary>
    public static string[] FilesOf(string path, int database)
    {
        var directory = GarnetHost.LogOptions(path).GetAppendOnlyFileDirectory(database);
        string[] files = Directory.Exists(directory) ? Directory.GetFiles(directory, "aof.log.*") : [];
        // Segment 10 comes after segment 9.
        return [.. files.OrderBy(file => file.Length).ThenBy(file => file, StringComparer.Ordinal)];
    }

    public static IEnumerable<LogItem> Read(string path, int database)
    {
        var files = FilesOf(path, database);
        (string File, long Address)? gap = null;
        foreach (var (file, first) in files.Select((file, number) => (file, number == 0 ? FirstAddress : 0)))
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
            var page = new byte[PageSize];
            for (var start = 0L; stream.ReadAtLeast(page, PageSize, throwOnEndOfStream: false) is > 0 and var size; start += PageSize)
            {
                var at = start == 0 ? first : 0;
                var record = RecordAt(page.AsSpan(0, size), at);
                while (at + LengthSize <= size && record.Kind != RecordKind.Padding)
                {
                    var (kind, end) = record;
                    var next = RecordAt(page.AsSpan(0, size), end);
                    // What destroys the beginning of a record has usually destroyed the end of the one before it. Garnet crashes on such an
                    // entry.
                    if (kind == RecordKind.None || (kind == RecordKind.Entry && next.Kind == RecordKind.None)) gap ??= (file, start + at);
                    else
                    {
                        if (gap is { } before)
                        {
                            yield return new LogItem(LogItemKind.Gap, default, before.File, before.Address, before.Address);
                        }
                        gap = null;
                        var content = kind == RecordKind.Commit ? default : page.AsMemory(at + LengthSize, LengthAt(page, at));
                        var item = kind == RecordKind.Commit ? LogItemKind.Commit : LogItemKind.Entry;
                        yield return new LogItem(item, content, file, start + at, start + end);
                    }
                    (at, record) = (end, next);
                }
            }
        }
    }

    private enum RecordKind
    {
        None,
        Entry,
        Commit,
        Padding,
    }

    private static int LengthAt(ReadOnlySpan<byte> page, int at) => BinaryPrimitives.ReadInt32LittleEndian(page[at..]);

    private static (RecordKind Kind, int End) RecordAt(ReadOnlySpan<byte> page, int at)
    {
        if (at + LengthSize > page.Length) return (RecordKind.Padding, page.Length);
        var length = LengthAt(page, at);
        // A whole page of zeros is no padding: it was never written.
        if (length == 0 && at > 0 && page[at..].IndexOfAnyExcept((byte)0) < 0) return (RecordKind.Padding, page.Length);
        var end = at + LengthSize + ((Math.Abs((long)length) + 3) & ~3L);
        if (length == -CommitSize && end <= page.Length && IsCommit(page.Slice(at + LengthSize, CommitSize), end))
        {
            return (RecordKind.Commit, (int)end);
        }
        if (length > 0 && end <= page.Length && IsEntry(page.Slice(at + LengthSize, length))) return (RecordKind.Entry, (int)end);
        return (RecordKind.None, at + LengthSize);
    }

    // A record that a kill has torn, or what is left of one under later writes, is no commit.
    private static bool IsCommit(ReadOnlySpan<byte> commit, long end)
    {
        var numbers = MemoryMarshal.Cast<byte, long>(commit[4..36]);
        var (checksum, begin, until, number) = (numbers[0], numbers[1], numbers[2], numbers[3]);
        var cookieLength = BinaryPrimitives.ReadInt32LittleEndian(commit[36..]);
        return checksum == (begin ^ until ^ number ^ cookieLength) && cookieLength == -1 && until % PageSize == end % PageSize;
    }

    private static bool IsEntry(ReadOnlySpan<byte> entry) =>
        entry.Length >= LogItem.HeaderSize
            && entry[0] is > 0 and < 16 && entry[1] < 16 && Enum.IsDefined((AofEntryType)entry[LogItem.TypeOffset])
        && BinaryPrimitives.ReadInt64LittleEndian(entry[LogItem.StoreVersionOffset..]) is >= 0 and < int.MaxValue;
}
