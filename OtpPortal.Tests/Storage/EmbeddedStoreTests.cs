using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Garnet.server;
using OtpPortal.Storage;
using OtpPortal.Storage.Embedded;
using OtpPortal.Tests.Infrastructure;
using StackExchange.Redis;

namespace OtpPortal.Tests.Storage;

/// <summary>Tests persistence of the embedded store and recovery from damaged logs.</summary>
public sealed class EmbeddedStoreTests : IDisposable
{
    // Includes the four-byte length prefix.
    private const int CommitSize = 44;

    private readonly TemporaryFolder _folder = new();
    private readonly CapturedLog _log = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Keeps_all_key_types_and_lifetimes_across_restart_and_compaction()
    {
        await UseAsync(async (otp, auth) =>
        {
            await otp.StringSetAsync("text", "a");
            await otp.StringSetAsync("short-lived", "b", TimeSpan.FromHours(1));
            await otp.HashSetAsync("hash", [new HashEntry("f", "1"), new HashEntry("g", "2")]);
            await auth.ListRightPushAsync("list", ["x", "y", "z"]);
            await auth.SortedSetAddAsync("scores", [new SortedSetEntry("m", 1.5), new SortedSetEntry("n", 2)]);
            await auth.SetAddAsync("set", ["p"]);
        });

        foreach (var compacted in (bool[])[false, true])
        {
            using var store = Open();
            if (compacted) await store.CompactAsync();
            using var otp = RedisStore.Connect("otp", Address(store, 0));
            using var auth = RedisStore.Connect("auth", Address(store, 1));
            ((string?)await otp.Database.Client.StringGetAsync("text")).ShouldBe("a");
            (await otp.Database.Client.KeyTimeToLiveAsync("text")).ShouldBeNull();
            (await otp.Database.Client.KeyTimeToLiveAsync("short-lived")).ShouldNotBeNull()
                .ShouldBeInRange(TimeSpan.FromMinutes(50), TimeSpan.FromHours(1));
            ((string?)await otp.Database.Client.HashGetAsync("hash", "g")).ShouldBe("2");
            (await auth.Database.Client.ListRangeAsync("list")).Select(item => (string?)item).ShouldBe(["x", "y", "z"]);
            (await auth.Database.Client.SortedSetScoreAsync("scores", "m")).ShouldBe(1.5);
            (await auth.Database.Client.SetContainsAsync("set", "p")).ShouldBeTrue();
        }
    }

    [Fact]
    public async Task Restarts_repeatedly_after_kills_during_transactions()
    {
        await UseAsync((otp, auth) => Task.WhenAll(otp.StringSetAsync("first", 1), auth.StringSetAsync("first", 1)));
        for (var round = 1; round <= 3; round++)
        {
            await LeaveTransactionsOpenAsync();
            // The sessions of this process reuse the numbers of the unfinished transactions.
            await UseAsync(async (otp, auth) =>
            {
                foreach (var database in (IDatabase[])[otp, auth])
                {
                    (await database.StringGetAsync("first")).ShouldBe(1);
                    (await database.StringSetAsync($"plain-{round}", round)).ShouldBeTrue();
                    var transaction = database.CreateTransaction();
                    _ = transaction.StringSetAsync($"transaction-{round}", round);
                    _ = transaction.HashSetAsync("hash", [new HashEntry($"f{round}", round)]);
                    (await transaction.ExecuteAsync()).ShouldBeTrue();
                }
            });
        }

        await UseAsync(async (otp, auth) =>
        {
            foreach (var database in (IDatabase[])[otp, auth])
            {
                for (var round = 1; round <= 3; round++)
                {
                    (await database.StringGetAsync($"plain-{round}")).ShouldBe(round);
                    (await database.StringGetAsync($"transaction-{round}")).ShouldBe(round);
                    (await database.HashGetAsync("hash", $"f{round}")).ShouldBe(round);
                }
            }
        });
    }

    [Fact]
    public async Task A_start_after_a_kill_does_not_count_as_a_compaction()
    {
        await UseAsync((otp, _) => otp.StringSetAsync("key", "1"));
        await LeaveTransactionsOpenAsync();

        await UseAsync((otp, _) => otp.StringSetAsync("key", "2"));

        (await File.ReadAllTextAsync(Path.Combine(_folder.Path, "store", "2", "compacted-size"))).ShouldBe("0");
    }

    [Fact]
    public async Task Reports_a_damaged_store_and_repairs_it_without_losing_acknowledged_writes()
    {
        await UseAsync(async (otp, auth) =>
        {
            await otp.StringSetAsync("before", "1");
            await auth.StringSetAsync("before", "1");
        });
        // The log of an earlier version: a transaction is still open when the process reuses its session number.
        await AppendAsync(
            [Entry(AofEntryType.TxnStart, session: 7), Entry(AofEntryType.TxnStart, session: 7),
                Entry(AofEntryType.TxnCommit, session: 7)]);

        var complaint = Should.Throw<EmbeddedStoreException>(() => Open().Dispose()).Message;
        complaint.ShouldContain(Path.Combine(_folder.Path, "store", "1"));
        complaint.ShouldContain("--repair-store");

        (await RepairAsync()).ShouldContain("Recovered");
        Directory.Exists(Path.Combine(_folder.Path, "store", "1.damaged")).ShouldBeTrue();
        await UseAsync(async (otp, auth) =>
        {
            ((string?)await otp.StringGetAsync("before")).ShouldBe("1");
            ((string?)await auth.StringGetAsync("before")).ShouldBe("1");
        });
    }

    [Theory]
    [InlineData(0xA7)]
    [InlineData(0)]
    public async Task Refuses_to_start_with_a_gap_that_no_kill_can_cause_and_repairs_it(byte filler)
    {
        var written = await WriteAsync(1500);
        var file = Overwrite(filler, count: 3000, fromEnd: written / 2);

        Should.Throw<EmbeddedStoreException>(() => Open().Dispose()).Message.ShouldContain(file + " at byte ");

        (await RepairAsync()).ShouldContain("Unreadable: " + file);
        (await CountAsync(1500)).ShouldBeInRange(1490, 1499);
    }

    [Fact]
    public async Task Refuses_to_start_when_more_is_missing_at_the_end_than_a_kill_can_cause()
    {
        var written = await WriteAsync(1500);
        var file = Overwrite(0xA7, count: 2_000_000, fromEnd: 2_000_000);

        Should.Throw<EmbeddedStoreException>(() => Open().Dispose()).Message.ShouldContain(file + " at byte ");

        new FileInfo(file).Length.ShouldBe(written);
        await RepairAsync();
        (await CountAsync(1500)).ShouldBeInRange(500, 800);
    }

    [Theory]
    [InlineData(0xA7)]
    [InlineData(0)]
    public async Task Starts_with_the_data_before_a_gap_near_the_end_and_keeps_the_old_files(byte filler)
    {
        await UseAsync((_, auth) => auth.StringSetAsync("other-database", "1"));
        await WriteAsync(1500);
        // An entry takes about 2,100 bytes.
        var file = Overwrite(filler, count: 3000, fromEnd: 50_000);

        (await CountAsync(1500)).ShouldBeInRange(1470, 1480);

        _log.Text.ShouldContain(file + " at byte ");
        Directory.Exists(Path.Combine(_folder.Path, "store", "1.damaged")).ShouldBeTrue();
        await UseAsync(async (_, auth) => ((string?)await auth.StringGetAsync("other-database")).ShouldBe("1"));
    }

    [Fact]
    public async Task Drops_the_unacknowledged_writes_after_a_gap_caused_by_a_kill()
    {
        await UseAsync((otp, _) => otp.StringSetAsync("key", "acknowledged"));
        var gap = LastCommit();
        await UseAsync((otp, _) => otp.StringSetAsync("lost", "1"));
        await UseAsync((otp, _) => otp.StringSetAsync("key", "not acknowledged"));
        await OverwriteAsync(gap + CommitSize, Enumerable.Repeat((byte)0xA7, 16));

        await UseAsync(async (otp, _) => ((string?)await otp.StringGetAsync("key")).ShouldBe("acknowledged"));
    }

    // A write ends at a multiple of 512 bytes, which can be in the middle of a log entry.
    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(12)]
    [InlineData(16)]
    [InlineData(24)]
    [InlineData(26)]
    [InlineData(32)]
    [InlineData(40)]
    [InlineData(43)]
    public async Task Starts_with_a_torn_commit_entry(int written)
    {
        await UseAsync((otp, auth) => Task.WhenAll(otp.StringSetAsync("key", "1"), auth.StringSetAsync("key", "1")));
        await UseAsync((otp, _) => otp.StringSetAsync("torn", "1"));
        await OverwriteAsync(LastCommit() + written, new byte[CommitSize - written]);

        await UseAsync(async (otp, auth) =>
        {
            ((string?)await otp.StringGetAsync("key")).ShouldBe("1");
            (await otp.KeyExistsAsync("torn")).ShouldBeFalse();
            ((string?)await auth.StringGetAsync("key")).ShouldBe("1");
            await otp.StringSetAsync("torn", "2");
        });
        await UseAsync(async (otp, _) => ((string?)await otp.StringGetAsync("torn")).ShouldBe("2"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("torn by a kill")]
    public async Task Starts_with_a_torn_commit_record_file(string content)
    {
        await UseAsync((otp, auth) => Task.WhenAll(otp.StringSetAsync("key", "1"), auth.StringSetAsync("key", "1")));
        var records = Directory.GetFiles(Path.Combine(_folder.Path, "store"), "commit.*", SearchOption.AllDirectories);
        records.ShouldNotBeEmpty();
        foreach (var record in records) await File.WriteAllTextAsync(record, content);

        await UseAsync(async (otp, auth) =>
        {
            ((string?)await otp.StringGetAsync("key")).ShouldBe("1");
            ((string?)await auth.StringGetAsync("key")).ShouldBe("1");
        });
    }

    [Fact]
    public async Task Starts_with_a_gap_that_destroyed_the_end_of_a_transaction()
    {
        await WriteAsync(50);
        var between = Enumerable.Range(0, 200)
            .SelectMany(_ => (byte[][])[Entry(AofEntryType.TxnStart, session: 8), Entry(AofEntryType.TxnCommit, session: 8)]);
        var live = Path.Combine(_folder.Path, "store", "1");
        // The kill loses the write with the commit of session 7, but not the next write, which has its next transaction.
        await StoreLog.AppendAsync(
            live, database: 0,
            [Entry(AofEntryType.TxnStart, session: 7), .. between, Entry(AofEntryType.TxnStart, session: 7),
                Entry(AofEntryType.TxnCommit, session: 7)]);
        var file = Overwrite(filler: 0xA7, count: 1000, fromEnd: 6000);
        StoreLog.Inspect(live)[0].Gaps.ShouldNotBeEmpty();

        (await CountAsync(50)).ShouldBe(50);

        _log.Text.ShouldContain(file + " at byte ");
    }

    [Fact]
    public async Task Deletes_the_files_of_an_interrupted_compaction_and_keeps_the_live_log()
    {
        await UseAsync((otp, _) => otp.StringSetAsync("kept", "1"));
        Directory.CreateDirectory(Path.Combine(_folder.Path, "store", "2.new", "AOF"));

        await UseAsync(async (otp, _) => ((string?)await otp.StringGetAsync("kept")).ShouldBe("1"));

        Directory.Exists(Path.Combine(_folder.Path, "store", "2.new")).ShouldBeFalse();
    }

    [Fact]
    public void Refuses_a_directory_in_use_by_another_process()
    {
        using var first = Open();

        Should.Throw<EmbeddedStoreException>(() => Open().Dispose()).Message.ShouldContain("in use by another process");
    }

    [Theory]
    [InlineData("aofHeaderVersion", 0)]
    [InlineData("flags", 1)]
    [InlineData("opType", LogItem.TypeOffset)]
    [InlineData("storeVersion", LogItem.StoreVersionOffset)]
    [InlineData("sessionID", LogItem.SessionOffset)]
    public void The_log_entry_header_of_Garnet_has_the_layout_that_the_repair_expects(string field, int offset)
    {
        var header = typeof(AofEntryType).Assembly.GetType("Garnet.server.AofHeader", throwOnError: true)!;
        header.GetField(field).ShouldNotBeNull().GetCustomAttributes(typeof(FieldOffsetAttribute), false).Cast<FieldOffsetAttribute>()
            .ShouldHaveSingleItem().Value.ShouldBe(offset);
        header.GetField("TotalSize").ShouldNotBeNull().GetRawConstantValue().ShouldBe(LogItem.HeaderSize);
    }

    private static RedisAddress Address(EmbeddedStore store, int database) => new(store.EndPoint, store.Password, Tls: false, database);

    private EmbeddedStore Open() => EmbeddedStore.Start(_folder.Path, _log.For<EmbeddedStore>());

    private async Task UseAsync(Func<IDatabase, IDatabase, Task> use)
    {
        using var store = Open();
        using var otp = RedisStore.Connect("otp", Address(store, 0));
        using var auth = RedisStore.Connect("auth", Address(store, 1));
        await use(otp.Database.Client, auth.Database.Client);
    }

    // About 3 MB of log, so that a gap in the middle is too far from the end to be caused by a kill.
    private async Task<long> WriteAsync(int count)
    {
        await UseAsync(async (otp, _) =>
        {
            for (var i = 0; i < count; i++) await otp.StringSetAsync($"key-{i}", Value(i));
        });
        return new FileInfo(LogFile()).Length;
    }

    private async Task<int> CountAsync(int count)
    {
        var found = 0;
        await UseAsync(async (otp, _) =>
        {
            for (var i = 0; i < count; i++)
            {
                // The log has no checksums, so an entry whose value was overwritten is still read.
                if ((string?)await otp.StringGetAsync($"key-{i}") == Value(i)) found++;
            }
        });
        return found;
    }

    private string Overwrite(byte filler, int count, long fromEnd)
    {
        using var stream = new FileStream(LogFile(), FileMode.Open, FileAccess.ReadWrite);
        stream.Seek(-fromEnd, SeekOrigin.End);
        stream.Write(Enumerable.Repeat(filler, count).ToArray());
        return stream.Name;
    }

    private async Task OverwriteAsync(long position, IEnumerable<byte> bytes)
    {
        await using var stream = new FileStream(LogFile(), FileMode.Open, FileAccess.ReadWrite);
        stream.Position = position;
        await stream.WriteAsync(bytes.ToArray());
    }

    private long LastCommit() =>
        StoreLogReader.Read(Path.Combine(_folder.Path, "store", "1"), database: 0).Last(item => item.Kind == LogItemKind.Commit).Address;

    private string LogFile() => Path.Combine(_folder.Path, "store", "1", "AOF", "aof.log.0");

    private static string Value(int number) => $"value-{number}-" + new string('x', 2000);

    private Task LeaveTransactionsOpenAsync() =>
        AppendAsync([.. Enumerable.Range(0, 40).Select(session => Entry(AofEntryType.TxnStart, session))]);

    private async Task AppendAsync(byte[][] entries)
    {
        var live = Directory.GetDirectories(Path.Combine(_folder.Path, "store"))
            .MaxBy(path => int.TryParse(Path.GetFileName(path), out var number) ? number : 0)!;
        foreach (var database in (int[])[0, 1]) await StoreLog.AppendAsync(live, database, entries);
    }

    private static byte[] Entry(AofEntryType type, int session)
    {
        var entry = new byte[LogItem.HeaderSize];
        entry[0] = 2;
        entry[LogItem.TypeOffset] = (byte)type;
        BinaryPrimitives.WriteInt64LittleEndian(entry.AsSpan(4), 1);
        BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(LogItem.SessionOffset), session);
        return entry;
    }

    private async Task<string> RepairAsync()
    {
        var output = new StringWriter();
        var code = await RepairStoreCommand.RunAsync(_folder.Path, output, output);
        code.ShouldBe(0, output.ToString());
        return output.ToString();
    }
}
