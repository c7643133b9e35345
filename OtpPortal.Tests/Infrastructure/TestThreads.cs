using System.Runtime.CompilerServices;

namespace OtpPortal.Tests.Infrastructure;

internal static class TestThreads
{
    /// <summary>
    /// Starts pool threads at once. Some tests block one, and on two cores the pool adds only one or two a second, for which the
    /// portal's connection to Redis would not answer.
    /// </summary>
    [ModuleInitializer]
    public static void Prepare() => ThreadPool.SetMinThreads(64, 64);
}
