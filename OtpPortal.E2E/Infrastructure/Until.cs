using System.Diagnostics;

namespace OtpPortal.E2E.Infrastructure;

/// <summary>Waits for what must come true; the browser's own conditions are waited on with Playwright's assertions.</summary>
internal static class Until
{
    /// <summary>How long anything may take on a busy machine with two cores.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static Task<T> SomethingAsync<T>(string what, Func<Task<T?>> ask)
        where T : class =>
        SomethingAsync(what, Patience, ask);

    public static Task TrueAsync(string what, Func<Task<bool>> ask) => TrueAsync(what, Patience, ask);

    /// <summary>For what is meant to take its time.</summary>
    public static Task TrueAsync(string what, TimeSpan patience, Func<Task<bool>> ask) =>
        SomethingAsync(what, patience, async () => await ask() ? "yes" : null);

    private static async Task<T> SomethingAsync<T>(string what, TimeSpan patience, Func<Task<T?>> ask)
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
