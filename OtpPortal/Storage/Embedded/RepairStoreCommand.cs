namespace OtpPortal.Storage.Embedded;

/// <summary>
/// <c>OtpPortal --repair-store</c>: recovers the readable data of an embedded store that cannot be opened, and keeps the
/// damaged files. The portal must be stopped.
/// </summary>
internal static class RepairStoreCommand
{
    public const string Argument = "--repair-store";

    private const int ShownGaps = 20;

    /// <summary>Returns 0 if the store can be opened again. Otherwise writes the reason and returns 1.</summary>
    public static async Task<int> RunAsync(string dataDirectory, TextWriter output, TextWriter errors)
    {
        try
        {
            using var directory = StoreDirectory.Open(dataDirectory);
            if (directory.LogSize == 0)
            {
                await output.WriteLineAsync($"Nothing to repair: there is no store in {directory.Live}.");
                return 0;
            }
            var gaps = StoreLog.Inspect(directory.Live).SelectMany(state => state.Gaps).ToList();
            directory.ClearNext();
            var entries = await StoreLog.SalvageAsync(directory.Live, directory.Next);
            EmbeddedStore.Verify(directory.Next);
            var damaged = directory.PromoteNext(isCompacted: false, keepOld: true);
            await output.WriteLineAsync(FormattableString.Invariant($"Recovered {entries} log entries to {directory.Live}."));
            foreach (var gap in gaps.Take(ShownGaps)) await output.WriteLineAsync($"Unreadable: {gap}");
            if (gaps.Count > ShownGaps)
            {
                await output.WriteLineAsync(FormattableString.Invariant($"Unreadable: {gaps.Count - ShownGaps} more places"));
            }
            await output.WriteLineAsync($"The damaged files are in {damaged}. Delete them when you no longer need them.");
            return 0;
        }
        catch (EmbeddedStoreException exception)
        {
            await errors.WriteLineAsync(exception.Message);
            return 1;
        }
    }
}
