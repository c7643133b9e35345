using OtpPortal.Histories.Checking;
using OtpPortal.Histories.Recording;
using OtpPortal.Histories.Running;

// Exit codes: 0 no anomaly, 1 an anomaly, 2 invalid arguments.
try
{
    var history = args is ["check", var path] ? HistoryFile.Read(path) : await new Run(RunArguments.Parse(args)).RecordAsync();
    var report = Checker.Check(history);
    Console.Write(Summary.Write(history, report));
    return report.Anomalies.Count == 0 ? 0 : 1;
}
catch (Exception e) when (e is ArgumentException or IOException)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}
