namespace OtpPortal.Tests.Infrastructure;

/// <summary>A folder of its own, gone with the test.</summary>
public sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("otpportal-tests-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
