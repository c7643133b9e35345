namespace OtpPortal.Tests.Infrastructure;

/// <summary>Addresses that nobody else uses, because limits count by address.</summary>
internal static class Someone
{
    private static int s_count;

    public static string New(string domain = "example.com") => $"someone{Interlocked.Increment(ref s_count)}@{domain}";
}
