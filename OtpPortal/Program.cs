using OtpPortal;
using OtpPortal.Configuration;
using OtpPortal.Http;
using OtpPortal.Jwt;
using OtpPortal.Storage;
using OtpPortal.Storage.Embedded;

WebApplicationBuilder? builder = null;
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
    if (args is [InitCommand.Argument, .. var options])
    {
        return await new InitCommand(Console.In, Console.Out, Console.Error).RunAsync(options);
    }
    builder = PortalApp.CreateBuilder(args);
    await using var portal = PortalApp.Build(builder);
    await portal.RunAsync();
    return 0;
}
catch (Exception e) when (StartupError.Describe(e) is { } problems)
{
    // Problems that the operator can fix are reported without a stack trace.
    // If a source cannot be read, only the environment is left.
    await StartupError.ReportAsync(
        problems, builder?.Configuration[TelemetrySettings.LogFormat] ?? Environment.GetEnvironmentVariable(TelemetrySettings.LogFormat));
    return 1;
}

// A command's arguments are not settings, so the command line is not a source.
static TSettings SettingsOf<TSettings>()
    where TSettings : class, ISettings<TSettings>
{
    var sources = PortalApp.CreateBuilder([]);
    var settings = sources.GetSettings<TSettings>();
    sources.ThrowIfSettingsAreInvalid();
    return settings;
}
