namespace OtpPortal.Storage.Embedded;

/// <summary>Makes the log of the embedded store one that Garnet reads completely and can continue.</summary>
internal sealed partial class StoreMender(StoreDirectory directory, ILogger logger)
{
    private readonly ILogger _logger = logger;

    public static EmbeddedStoreException Damaged(string where, Exception? exception) => new(
        $"The store in DATA_DIR is damaged and was not changed ({where}). "
        + "Restore a backup, or run the portal once with --repair-store to recover what is readable. The damaged files are kept.",
        exception);

    /// <summary>Removes transactions that a kill left open, and a gap near the end.</summary>
    /// <exception cref="EmbeddedStoreException">The log is damaged elsewhere.</exception>
    public async Task MendAsync()
    {
        if (directory.LogSize == 0) return;
        var state = StoreLog.Inspect(directory.Live);
        if (state.IsDamaged)
        {
            throw Damaged(
                state.Gaps.Count > 0 ? state.Gaps[0].ToString() : $"{directory.Live}: a transaction begins inside another one", null);
        }
        if (state.Gaps.Count > 0)
        {
            var kept = await directory.ReplaceAsync(next => StoreLog.SalvageAsync(directory.Live, next), keepOld: true);
            LogGapMended(state.Gaps[0].ToString(), kept!);
        }
        else if (state.OpenTransactions > 0)
        {
            await directory.ReplaceAsync(next => StoreLog.DropUnacknowledgedAsync(directory.Live, next));
            LogTransactionsDropped(state.OpenTransactions);
        }
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Discarded {Count} incomplete transactions of the embedded store. "
            + "They had not been acknowledged")]
    private partial void LogTransactionsDropped(int count);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The log of the embedded store is unreadable at one place near its end: {Place}. "
            + "The readable entries were recovered, and the old files are kept in {Kept}")]
    private partial void LogGapMended(string place, string kept);
}
