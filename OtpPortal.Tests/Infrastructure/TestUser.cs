namespace OtpPortal.Tests.Infrastructure;

/// <summary>Creates unique email addresses, because limits count per address.</summary>
internal static class TestUser
{
    private static int s_count;

    public static string New(string domain = "example.com") => $"someone{Interlocked.Increment(ref s_count)}@{domain}";
}
