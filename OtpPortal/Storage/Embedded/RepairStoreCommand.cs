using OtpPortal.Settings;

namespace OtpPortal.Storage.Embedded;

/// <summary>
/// <c>OtpPortal --repair-store</c>: recovers what can be read of an embedded store that does not open. The damaged files are kept beside the new ones.
/// The portal must be stopped.
/// </summary>
internal static class RepairStoreCommand
{
    public const string Argument = "--repair-store";

    /// <summary>Returns 0 when the store opens again, else 1 after a line that says why it does not.</summary>
    public static Task<int> RunAsync(TextWriter output, TextWriter errors) =>
        RunAsync(PortalConfiguration.Read(SettingsSource.Open()).Portal.DataDir, output, errors);

    internal static async Task<int> RunAsync(string dataDirectory, TextWriter output, TextWriter errors)
    {
        try
        {
            using var directory = StoreDirectory.Open(dataDirectory);
            if (directory.LogSize == 0)
            {
                await output.WriteLineAsync($"There is no store in {directory.Live}: nothing to repair.");
                return 0;
            }
            directory.ClearNext();
            var report = await StoreSalvage.CopyAsync(directory.Live, directory.Next);
            EmbeddedStore.Verify(directory.Next);
            var damaged = directory.PromoteNext(keepOld: true);
            await output.WriteLineAsync(FormattableString.Invariant($"Recovered {report.Entries} log entries to {directory.Live}."));
            foreach (var place in report.Places) await output.WriteLineAsync($"Not readable: {place}");
            if (report.UnreadablePlaces > report.Places.Count) await output.WriteLineAsync(FormattableString.Invariant($"… and {report.UnreadablePlaces - report.Places.Count} more places."));
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
