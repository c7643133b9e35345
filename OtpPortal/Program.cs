using OtpPortal;
using OtpPortal.Jwt;
using OtpPortal.Configuration;
using OtpPortal.Storage.Embedded;
using OtpPortal.Http;

if (args.Contains(Probe.Argument, StringComparer.Ordinal)) return await Probe.RunAsync();

try
{
    if (args.Contains(RotateCommand.Argument, StringComparer.Ordinal)) return await RotateCommand.RunAsync(args, Console.Out, Console.Error);
    if (args.Contains(RepairStoreCommand.Argument, StringComparer.Ordinal)) return await RepairStoreCommand.RunAsync(Console.Out, Console.Error);
    var configuration = PortalConfiguration.Read(SettingsSource.Open());
    Listening.Demand(configuration.Portal);
    await using var portal = PortalApp.Build(args, configuration);
    await portal.RunAsync();
    return 0;
}
catch (Exception e) when (StartProblem.Describe(e) is { } problem)
{
    // What the operator can put right is told in plain lines, without a stack trace.
    await Console.Error.WriteLineAsync(problem);
    return 1;
}
