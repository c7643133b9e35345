using System.Diagnostics;

namespace OtpPortal.E2E.Infrastructure;

/// <summary>Polls conditions. Use Playwright's assertions for conditions in the browser.</summary>
internal static class Until
{
    /// <summary>The default timeout, sufficient for a two-core machine under heavy load.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(30);

    public static Task<T> NotNullAsync<T>(string what, Func<Task<T?>> ask)
        where T : class =>
        NotNullAsync(what, DefaultTimeout, ask);

    public static Task TrueAsync(string what, Func<Task<bool>> ask) => TrueAsync(what, DefaultTimeout, ask);

    /// <summary>Waits with a custom timeout, for slow conditions.</summary>
    public static Task TrueAsync(string what, TimeSpan patience, Func<Task<bool>> ask) =>
        NotNullAsync(what, patience, async () => await ask() ? "yes" : null);

    private static async Task<T> NotNullAsync<T>(string what, TimeSpan patience, Func<Task<T?>> ask)
        where T : class
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            if (await ask() is { } answer) return answer;
            if (clock.Elapsed > patience) throw new TimeoutException($"Waited {patience.TotalSeconds} s in vain for {what}.");
            await Task.Delay(50);
        }
    }
}
