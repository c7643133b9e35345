namespace OtpPortal.Tests.Infrastructure;

/// <summary>A temporary directory that is deleted on disposal.</summary>
public sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("otpportal-tests-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
