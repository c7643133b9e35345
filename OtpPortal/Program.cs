using OtpPortal;
using OtpPortal.Settings;
using OtpPortal.Web;

if (args.Contains(Probe.Argument, StringComparer.Ordinal)) return await Probe.RunAsync();

try
{
    await using var portal = PortalApp.Build(args, PortalConfiguration.Read(SettingsSource.Open()));
    await portal.RunAsync();
    return 0;
}
catch (Exception e) when (StartProblem.Describe(e) is { } problem)
{
    // What the operator can put right is told in plain lines, without a stack trace.
    await Console.Error.WriteLineAsync(problem);
    return 1;
}
