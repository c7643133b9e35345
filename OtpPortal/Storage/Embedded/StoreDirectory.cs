using System.Globalization;

namespace OtpPortal.Storage.Embedded;

/// <summary>The files of an embedded store, held exclusively until disposed.</summary>
/// <remarks>
/// Layout below DATA_DIR/store:
/// <code>
/// lock          held exclusively while a process uses the directory
/// 1, 2, …       one generation of the append-only log each; the highest is the live one
/// 3.new         a generation being written; worthless until it has been renamed
/// 2.damaged     what --repair-store could not read completely, kept as it was
/// </code>
/// </remarks>
internal sealed class StoreDirectory : IDisposable
{
    private const string SizeFile = "compacted-size";

    private readonly string _directory;
    private readonly FileStream _lock;
    private int _generation;

    private StoreDirectory(string root, string directory, FileStream held)
    {
        Root = root;
        _directory = directory;
        _lock = held;
        _generation = FindGeneration();
    }

    /// <summary>The absolute path of DATA_DIR.</summary>
    public string Root { get; }

    /// <summary>The path of the live generation.</summary>
    public string Live => PathOf(_generation);

    /// <summary>The path under which the next generation is written before <see cref="PromoteNext"/>.</summary>
    public string Next => PathOf(_generation + 1) + ".new";

    /// <summary>Bytes in the log of the live generation.</summary>
    public long LogSize => SizeOf(Live);

    /// <summary>Bytes that the log of the live generation had when it was written by a compaction; 0 for one that was not.</summary>
    public long CompactedSize =>
        File.Exists(Path.Combine(Live, SizeFile))
            && long.TryParse(File.ReadAllText(Path.Combine(Live, SizeFile)), CultureInfo.InvariantCulture, out var size)
            ? size : 0;

    /// <summary>Opens the directory, and deletes what an interrupted compaction left behind.</summary>
    /// <exception cref="EmbeddedStoreException">It cannot be written to, or another process holds it.</exception>
    public static StoreDirectory Open(string dataDirectory)
    {
        var root = Path.GetFullPath(dataDirectory);
        var directory = Path.Combine(root, "store");
        var path = Path.Combine(directory, "lock");
        try
        {
            CreatePrivate(root);
            CreatePrivate(directory);
            // The kernel drops the lock when the process dies, so a kill leaves nothing to clean up.
            var held = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            try
            {
                return new StoreDirectory(root, directory, held);
            }
            catch
            {
                held.Dispose();
                throw;
            }
        }
        catch (IOException exception) when (IsHeld(exception))
        {
            throw new EmbeddedStoreException(
                $"DATA_DIR ({root}) is in use by another process. Give each process its own directory, or set REDIS_URL_OTP and "
                    + $"REDIS_URL_AUTH to share a Redis.",
                exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new EmbeddedStoreException(
                $"DATA_DIR ({root}) must be a directory that this process can write to. {exception.Message}", exception);
        }
    }

    /// <summary>Makes <see cref="Next"/> an empty directory.</summary>
    public void ClearNext()
    {
        DeleteNext();
        CreatePrivate(Next);
    }

    /// <summary>Deletes <see cref="Next"/>.</summary>
    public void DeleteNext()
    {
        if (Directory.Exists(Next)) Directory.Delete(Next, recursive: true);
    }

    /// <summary>Writes a new generation of the log and makes it live. Returns where the old one is kept, or null if it is not.</summary>
    public async Task<string?> ReplaceAsync(Func<string, Task> write, bool keepOld = false)
    {
        ClearNext();
        try
        {
            await write(Next);
        }
        catch
        {
            // An unfinished copy must not take the room that the live log needs.
            DeleteNext();
            throw;
        }
        return PromoteNext(keepOld);
    }

    /// <summary>
    /// Makes <see cref="Next"/> the live generation, by one rename. Deletes the one before it, or keeps it under another name, which is
    /// returned.
    /// </summary>
    public string? PromoteNext(bool keepOld = false)
    {
        File.WriteAllText(Path.Combine(Next, SizeFile), SizeOf(Next).ToString(CultureInfo.InvariantCulture));
        var old = Live;
        Directory.Move(Next, PathOf(_generation + 1));
        _generation++;
        if (!keepOld)
        {
            if (Directory.Exists(old)) Directory.Delete(old, recursive: true);
            return null;
        }
        var kept = old + ".damaged";
        for (var number = 2; Directory.Exists(kept); number++)
            kept = string.Create(CultureInfo.InvariantCulture, $"{old}.damaged-{number}");
        Directory.Move(old, kept);
        return kept;
    }

    public void Dispose() => _lock.Dispose();

    private int FindGeneration()
    {
        var names = Directory.GetDirectories(_directory).Select(path => Path.GetFileName(path)).ToList();
        var numbers = names.Select(name => int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0)
            .Where(number => number > 0).ToList();
        var live = numbers.Count == 0 ? 1 : numbers.Max();
        foreach (var name in names.Where(name => name.EndsWith(".new", StringComparison.Ordinal))
            .Concat(numbers.Where(number => number < live).Select(NameOf)))
        {
            Directory.Delete(Path.Combine(_directory, name), recursive: true);
        }
        return live;
    }

    private string PathOf(int generation) => Path.Combine(_directory, NameOf(generation));

    private static string NameOf(int generation) => generation.ToString(CultureInfo.InvariantCulture);

    private static long SizeOf(string path) =>
        Directory.Exists(path) ? new DirectoryInfo(path).EnumerateFiles("aof.log.*", SearchOption.AllDirectories)
            .Sum(file => file.Length) : 0;

    // The framework says the same of a lock in its message alone: EWOULDBLOCK is 11 on Linux and 35 on macOS, ERROR_SHARING_VIOLATION is 32
    // on Windows.
    private static bool IsHeld(IOException exception) => (exception.HResult & 0xFFFF) is 11 or 32 or 35;

    private static void CreatePrivate(string path)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(path);
        else Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
