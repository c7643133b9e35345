using OtpPortal.Histories.Checking;
using OtpPortal.Histories.Recording;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Histories;

/// <summary>Histories in files.</summary>
public sealed class HistoryFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void A_recorded_history_reads_back_and_gives_the_same_report()
    {
        var history = new HistoryBuilder().SignIn("t0").Check("t0", "t1").List(("s", "t1")).Fault(1, 2)
            .Logout("t1").Check("t1", "t2").ToHistory();
        var path = Path.Combine(_folder.Path, "history.jsonl");
        using (var recorder = new Recorder(history.Settings, path))
        {
            foreach (var operation in history.Operations) recorder.Add(operation);
            foreach (var fault in history.Faults) recorder.Add(fault);
        }

        var read = HistoryFile.Read(path);

        read.Settings.ShouldBe(history.Settings);
        read.Faults.ShouldBe(history.Faults);
        read.Operations.Select(HistoryFile.Describe).ShouldBe(history.Operations.Select(HistoryFile.Describe));
        var summary = Summary.Write(read, Checker.Check(read));
        summary.ShouldBe(Summary.Write(history, Checker.Check(history)));
        summary.ShouldContain("anomalies: 1\n  revoked-session-accepted: 1\n");
    }

    [Fact]
    public void A_file_without_settings_is_invalid()
    {
        var path = Path.Combine(_folder.Path, "history.jsonl");
        File.WriteAllText(path, "{\"fault\":{\"name\":\"kill\",\"target\":\"redis\",\"start\":1,\"end\":2}}\n");

        Should.Throw<InvalidDataException>(() => HistoryFile.Read(path)).Message.ShouldContain("{\"run\":…}");
    }

    public void Dispose() => _folder.Dispose();
}
