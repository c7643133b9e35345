using System.Text;

namespace OtpPortal.Auditing;

/// <summary>Appends audit events to AUDIT_FILE.</summary>
/// <remarks>The file is opened for each batch, so a file that was moved away by log rotation is created again.</remarks>
internal sealed partial class AuditFile(string path, TimeProvider time, ILogger<AuditFile> logger) : AuditSink("file", time, logger)
{
    /// <summary>Opens the file for appending. Creates it for its owner only.</summary>
    public static FileStream Open(string path)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.Append,
            Access = FileAccess.Write,
            Share = FileShare.ReadWrite | FileShare.Delete,
            BufferSize = 0,
        };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new FileStream(path, options);
    }

    /// <summary>Returns whether the exception means that the file cannot be written.</summary>
    public static bool IsUnwritable(Exception exception) =>
        exception is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException;

    protected override async Task<bool> WriteAsync(IReadOnlyList<string> lines, CancellationToken stop)
    {
        try
        {
            await using var file = Open(path);
            var start = file.CanSeek ? file.Length : 0;
            try
            {
                await file.WriteAsync(Encoding.UTF8.GetBytes(string.Join('\n', lines) + "\n"), CancellationToken.None);
            }
            catch (IOException e)
            {
                NotWritten(e.Message);
                Truncate(file, start);
                return false;
            }
            return true;
        }
        catch (Exception e) when (IsUnwritable(e))
        {
            NotWritten(e.Message);
            return false;
        }
    }

    // Removes a line that was written in part, after which the next one could not be parsed.
    private static void Truncate(FileStream file, long length)
    {
        try
        {
            file.SetLength(length);
        }
        catch (Exception e) when (IsUnwritable(e))
        {
            // Not a regular file.
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Could not write AUDIT_FILE: {Reason}")]
    private partial void NotWritten(string reason);
}
