namespace OtpPortal.Storage.Embedded;

/// <summary>Repairs the log of the embedded store, so that Garnet can read all of it and continue it.</summary>
internal sealed partial class StoreRecovery(StoreDirectory directory, ILogger logger)
{
    private readonly ILogger _logger = logger;

    public static EmbeddedStoreException Damaged(string where, Exception? exception) => new(
        $"The store in DATA_DIR is damaged and was not changed ({where}). "
        + "Restore a backup, or run the portal once with --repair-store to recover what is readable. The damaged files are kept.",
        exception);

    /// <summary>
    /// Removes what a kill left incomplete: open transactions, and everything after a gap near the end. None of it was
    /// acknowledged.
    /// </summary>
    /// <exception cref="EmbeddedStoreException">The log is damaged elsewhere.</exception>
    public async Task RecoverAsync()
    {
        if (directory.LogSize == 0) return;
        var states = StoreLog.Inspect(directory.Live);
        if (states.FirstOrDefault(state => state.IsDamaged) is { } damaged)
        {
            var place = damaged.Gaps.FirstOrDefault() ?? damaged.LastCommit;
            throw Damaged(damaged.HasNestedTransactions ? $"{directory.Live}: a transaction begins inside another one" : $"{place}", null);
        }
        if (states.All(state => state.OpenTransactions.Count == 0 && state.Gaps.Count == 0))
        {
            StoreLog.ClearAfterLastCommit(directory.Live, states);
            return;
        }

        // A disk error can also cause a gap with commits after it, so the files are kept.
        var gap = states.FirstOrDefault(state => state.HasCommitAfterGap)?.Gaps[0];
        var kept = await directory.ReplaceAsync(
            next => StoreLog.DropUnacknowledgedAsync(directory.Live, next, states), isCompacted: false, keepOld: gap is not null);
        if (gap is null) LogUnfinishedDropped();
        else LogGapDropped(gap.ToString(), kept!);
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Discarded incomplete writes of the embedded store, which the last process had not acknowledged")]
    private partial void LogUnfinishedDropped();

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The log of the embedded store is unreadable at one place near its end: {Place}. "
            + "Discarded what follows, and kept the old files in {Kept}. "
            + "If the last process was killed, no acknowledged write was lost")]
    private partial void LogGapDropped(string place, string kept);
}
