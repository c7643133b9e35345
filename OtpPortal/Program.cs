using OtpPortal;
using OtpPortal.Configuration;
using OtpPortal.Http;
using OtpPortal.Jwt;
using OtpPortal.Storage;
using OtpPortal.Storage.Embedded;

try
{
    if (args.Contains(PortalVersion.Argument, StringComparer.Ordinal))
    {
        await Console.Out.WriteLineAsync(PortalVersion.Text);
        return 0;
    }
    if (args.Contains(Probe.Argument, StringComparer.Ordinal)) return await Probe.RunAsync(SettingsOf<PortalSettings>());
    if (args.Contains(RotateCommand.Argument, StringComparer.Ordinal))
    {
        return await RotateCommand.RunAsync(
            args, SettingsOf<PortalSettings>(), SettingsOf<DataSettings>().Secret, Console.Out, Console.Error);
    }
    if (args.Contains(RepairStoreCommand.Argument, StringComparer.Ordinal))
    {
        return await RepairStoreCommand.RunAsync(SettingsOf<DataSettings>().DataDir, Console.Out, Console.Error);
    }
    var builder = PortalApp.CreateBuilder(args);
    await using var portal = PortalApp.Build(builder);
    await portal.RunAsync();
    return 0;
}
catch (Exception e) when (StartProblem.Describe(e) is { } problem)
{
    // What the operator can fix is reported without a stack trace.
    await Console.Error.WriteLineAsync(problem);
    return 1;
}

// A command has arguments of its own, so it reads the other sources alone.
static TSettings SettingsOf<TSettings>()
    where TSettings : class, ISettings<TSettings>
{
    var builder = PortalApp.CreateBuilder([]);
    var settings = builder.GetSettings<TSettings>();
    builder.ThrowIfSettingsAreInvalid();
    return settings;
}
