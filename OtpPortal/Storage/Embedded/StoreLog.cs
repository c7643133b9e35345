using System.Buffers.Binary;
using Garnet.server;
using Tsavorite.core;

namespace OtpPortal.Storage.Embedded;

/// <summary>Reads and mends Garnet's append-only logs while no server uses them.</summary>
/// <remarks>
/// An entry begins with Garnet's <c>AofHeader</c>: its version in byte 0, flags in byte 1, the <see cref="AofEntryType"/> in byte 2 and the number of
/// the session that wrote it in bytes 12 to 15. A transaction is a TxnStart, the writes of the same session, and a TxnCommit.
/// </remarks>
internal static class StoreLog
{
    internal const int HeaderSize = 16;
    internal const int TypeOffset = 2;
    internal const int SessionOffset = 12;

    /// <summary>
    /// Returns how many transactions in the log have a start and no end, as a kill leaves them. Session numbers begin again with each process: the
    /// writes of a later session with the same number would be taken into the open transaction, and its own transaction would make the log unreadable.
    /// </summary>
    public static async Task<int> CountOpenTransactionsAsync(string path)
    {
        var open = 0;
        for (var database = 0; database < GarnetHost.Databases; database++)
        {
            using var log = await OpenLog.OpenAsync(path, database);
            open += FindOpenTransactions(log).Count;
        }
        return open;
    }

    /// <summary>Copies a log to an empty store, without the transactions that have no end. They were not acknowledged.</summary>
    public static async Task DropOpenTransactionsAsync(string from, string to)
    {
        for (var database = 0; database < GarnetHost.Databases; database++)
        {
            using var source = await OpenLog.OpenAsync(from, database);
            var open = FindOpenTransactions(source);
            using var target = await OpenLog.OpenAsync(to, database);
            var position = 0L;
            await target.AppendAsync(source.Read().Where(entry => !(open.TryGetValue(SessionOf(entry), out var start) & start <= position++)));
        }
    }

    /// <summary>Writes an empty transaction, so that a log that cannot be written to is found out before a client relies on it.</summary>
    /// <exception cref="CommitFailureException">The log cannot be written to.</exception>
    public static async Task ProveWritableAsync(string path)
    {
        for (var database = 0; database < GarnetHost.Databases; database++)
        {
            using var log = await OpenLog.OpenAsync(path, database);
            if (log.Read().FirstOrDefault() is { } first) await log.AppendAsync([Marker(AofEntryType.TxnStart, first), Marker(AofEntryType.TxnCommit, first)]);
        }
    }

    // The sessions that are inside a transaction at the end of the log, with the position of its start.
    private static Dictionary<int, long> FindOpenTransactions(OpenLog log)
    {
        var open = new Dictionary<int, long>();
        var position = 0L;
        foreach (var entry in log.Read())
        {
            switch (TypeOf(entry))
            {
                case AofEntryType.TxnStart:
                    open[SessionOf(entry)] = position;
                    break;
                case AofEntryType.TxnCommit or AofEntryType.TxnAbort:
                    open.Remove(SessionOf(entry));
                    break;
            }
            position++;
        }
        return open;
    }

    internal static AofEntryType TypeOf(ReadOnlySpan<byte> entry) => (AofEntryType)entry[TypeOffset];

    internal static int SessionOf(ReadOnlySpan<byte> entry) => BinaryPrimitives.ReadInt32LittleEndian(entry[SessionOffset..]);

    // Of the version and store version of another entry, without its flags, which say how a longer entry is laid out. No session has the number -1.
    private static byte[] Marker(AofEntryType type, byte[] entry)
    {
        var marker = entry[..HeaderSize];
        marker[1] = 0;
        marker[TypeOffset] = (byte)type;
        BinaryPrimitives.WriteInt32LittleEndian(marker.AsSpan(SessionOffset), -1);
        return marker;
    }

    /// <summary>The log of one database, opened without a server.</summary>
    internal sealed class OpenLog : IDisposable
    {
        private const int CommitEvery = 10_000;

        private readonly TsavoriteLogSettings _settings;
        private readonly TsavoriteLog _log;

        private OpenLog(TsavoriteLogSettings settings, TsavoriteLog log)
        {
            _settings = settings;
            _log = log;
        }

        public static async Task<OpenLog> OpenAsync(string path, int database)
        {
            GarnetHost.LogOptions(path).GetAofSettings(database, out var settings);
            var log = new TsavoriteLog(settings[0]);
            await log.RecoverAsync();
            return new OpenLog(settings[0], log);
        }

        /// <summary>Reads every entry, oldest first.</summary>
        /// <exception cref="TsavoriteException">An entry cannot be read.</exception>
        public IEnumerable<byte[]> Read()
        {
            using var entries = _log.Scan(_log.BeginAddress, _log.TailAddress, recover: false, scanUncommitted: true);
            while (entries.GetNext(out var entry, out _, out _, out _)) yield return entry;
        }

        /// <summary>Appends entries; returns when they are on disk.</summary>
        public async Task AppendAsync(IEnumerable<byte[]> entries)
        {
            var appended = 0L;
            foreach (var entry in entries)
            {
                _log.Enqueue(entry);
                if (++appended % CommitEvery == 0) await _log.CommitAsync();
            }
            await _log.CommitAsync();
        }

        public void Dispose()
        {
            _log.Dispose();
            _settings.Dispose();
        }
    }
}
