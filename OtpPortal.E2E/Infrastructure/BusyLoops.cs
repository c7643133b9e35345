using System.Diagnostics;

namespace OtpPortal.E2E.Infrastructure;

/// <summary>Runs processes that use all available CPU time until disposed.</summary>
internal sealed class BusyLoops(int count) : IDisposable
{
    private readonly List<Process> _loops = [.. Enumerable.Range(0, count).Select(_ => Process.Start("sh", ["-c", "while :; do :; done"]))];

    public void Dispose()
    {
        foreach (var loop in _loops)
        {
            loop.Kill();
            loop.Dispose();
        }
    }
}
