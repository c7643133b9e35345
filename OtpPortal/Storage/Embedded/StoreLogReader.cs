using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Garnet.server;

namespace OtpPortal.Storage.Embedded;

/// <summary>The kind of an item in a log.</summary>
internal enum LogItemKind
{
    /// <summary>An entry of a Garnet command.</summary>
    Entry,

    /// <summary>A commit record. Everything before it was on disk before Garnet acknowledged it.</summary>
    Commit,

    /// <summary>Bytes that Garnet does not write, followed by readable data.</summary>
    Gap,
}

/// <param name="Entry">The entry, valid until the next item is read; empty for other kinds.</param>
/// <param name="File">The file that contains the item.</param>
/// <param name="Address">The offset of its first byte in the file.</param>
/// <param name="End">The offset after its last byte; for a gap, the same as <c>Address</c>.</param>
internal readonly record struct LogItem(LogItemKind Kind, ReadOnlyMemory<byte> Entry, string File, long Address, long End)
{
    /// <summary>The size of each entry's header in bytes: Garnet's <c>AofHeader</c>.</summary>
    public const int HeaderSize = 16;

    internal const int TypeOffset = 2;
    internal const int StoreVersionOffset = 4;
    internal const int SessionOffset = 12;

    public AofEntryType Type => (AofEntryType)Entry.Span[TypeOffset];

    /// <summary>The number of the connection that wrote the entry, unique within a process.</summary>
    public int Session => BinaryPrimitives.ReadInt32LittleEndian(Entry.Span[SessionOffset..]);
}

/// <summary>Reads the files of Garnet's append-only log without Garnet.</summary>
/// <remarks>
/// Garnet cannot read damaged logs: it treats the first bytes that it does not understand as the end of the log, reports
/// nothing, and overwrites the rest. A log is a sequence of pages. A page contains records: a length of four bytes, that many
/// bytes, and padding to a multiple of four. A negative length marks a commit record; zeros pad the page.
/// </remarks>
internal static class StoreLogReader
{
    private const int LengthSize = 4;

    // Garnet never uses the first bytes of a log.
    private const int FirstAddress = 64;

    // The size of a commit record without a cookie, which Garnet does not use: version, checksum, begin, end, number, cookie
    // length (-1).
    private const int CommitSize = 40;

    // Records do not cross pages: AofPageSize in GarnetHost.LogOptions.
    private const int PageSize = 8 * 1024 * 1024;

    /// <summary>Returns the files of a log in order.</summary>
    public static string[] FilesOf(string path, int database)
    {
        var directory = GarnetHost.LogOptions(path).GetAppendOnlyFileDirectory(database);
        string[] files = Directory.Exists(directory) ? Directory.GetFiles(directory, "aof.log.*") : [];
        // Sorts segment 10 after segment 9.
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
                    // Damage to the start of a record usually includes the end of the previous one. Garnet crashes on such an
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
        // A whole page of zeros is not padding: it was never written.
        if (length == 0 && at > 0 && page[at..].IndexOfAnyExcept((byte)0) < 0) return (RecordKind.Padding, page.Length);
        var end = at + LengthSize + ((Math.Abs((long)length) + 3) & ~3L);
        if (length == -CommitSize && end <= page.Length && IsCommit(page.Slice(at + LengthSize, CommitSize), end))
        {
            return (RecordKind.Commit, (int)end);
        }
        if (length > 0 && end <= page.Length && IsEntry(page.Slice(at + LengthSize, length))) return (RecordKind.Entry, (int)end);
        return (RecordKind.None, at + LengthSize);
    }

    // A record torn by a kill, or remains of one under later writes, is not a commit.
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
