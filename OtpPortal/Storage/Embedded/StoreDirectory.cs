using System.Globalization;

namespace OtpPortal.Storage.Embedded;

/// <summary>The files of an embedded store, locked exclusively until disposal.</summary>
/// <remarks>
/// Layout below DATA_DIR/store:
/// <code>
/// lock          locked exclusively while a process uses the directory
/// 1, 2, …       generations of the append-only log; the highest is the live one
/// 3.new         an incomplete generation; ignored until it has been renamed
/// 2.damaged     a generation that --repair-store could not read completely, unchanged
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

    /// <summary>The path of the next generation until <see cref="PromoteNext"/>.</summary>
    public string Next => PathOf(_generation + 1) + ".new";

    /// <summary>The log size of the live generation, in bytes.</summary>
    public long LogSize => SizeOf(Live);

    /// <summary>
    /// The log size, in bytes, that the live generation had after its compaction; 0 if it was not created by one.
    /// </summary>
    public long CompactedSize =>
        File.Exists(Path.Combine(Live, SizeFile))
            && long.TryParse(File.ReadAllText(Path.Combine(Live, SizeFile)), CultureInfo.InvariantCulture, out var size)
            ? size : 0;

    /// <summary>Opens the directory, and deletes the remains of an interrupted compaction.</summary>
    /// <exception cref="EmbeddedStoreException">It is not writable, or another process has locked it.</exception>
    public static StoreDirectory Open(string dataDirectory)
    {
        var root = Path.GetFullPath(dataDirectory);
        var directory = Path.Combine(root, "store");
        var path = Path.Combine(directory, "lock");
        try
        {
            CreatePrivate(root);
            CreatePrivate(directory);
            // The kernel releases the lock when the process ends, so a kill requires no cleanup.
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

    /// <summary>
    /// Writes a new generation of the log and makes it live. Returns the path of the old one if it is kept, or null.
    /// </summary>
    public async Task<string?> ReplaceAsync(Func<string, Task> write, bool isCompacted, bool keepOld = false)
    {
        ClearNext();
        try
        {
            await write(Next);
        }
        catch
        {
            // An incomplete copy must not take up disk space that the live log needs.
            DeleteNext();
            throw;
        }
        return PromoteNext(isCompacted, keepOld);
    }

    /// <summary>
    /// Makes <see cref="Next"/> the live generation with a single rename. Deletes the previous one, or renames it and returns
    /// its new path.
    /// </summary>
    public string? PromoteNext(bool isCompacted, bool keepOld = false)
    {
        // A copy of a log has not become shorter: with its size, a store that is often killed would never be compacted.
        var size = isCompacted ? SizeOf(Next) : CompactedSize;
        File.WriteAllText(Path.Combine(Next, SizeFile), size.ToString(CultureInfo.InvariantCulture));
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

    // .NET identifies a lock only in the message: EWOULDBLOCK is 11 on Linux and 35 on macOS, ERROR_SHARING_VIOLATION is 32 on
    // Windows.
    private static bool IsHeld(IOException exception) => (exception.HResult & 0xFFFF) is 11 or 32 or 35;

    private static void CreatePrivate(string path)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(path);
        else Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
