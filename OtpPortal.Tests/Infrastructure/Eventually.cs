using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>Polls a condition until it is met or the deadline has passed.</summary>
internal static class Eventually
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_pollInterval = TimeSpan.FromMilliseconds(5);

    public static Task BeTrueAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        BeTrueAsync(() => Task.FromResult(condition()), what);

    public static async Task BeTrueAsync(Func<Task<bool>> condition, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        await GetAsync(async () => await condition() ? (object)true : null, what);

    /// <summary>Waits for the condition. On a timeout, appends <paramref name="why"/> to the message.</summary>
    public static async Task BeTrueAsync(Func<Task<bool>> condition, Func<string> why)
    {
        try
        {
            await BeTrueAsync(condition);
        }
        catch (TimeoutException exception)
        {
            throw new TimeoutException($"{exception.Message}\n{why()}", exception);
        }
    }

    /// <summary>Polls until the result is not null.</summary>
    public static async Task<T> GetAsync<T>(Func<Task<T?>> ask, [CallerArgumentExpression(nameof(ask))] string what = "")
        where T : class
    {
        var start = Stopwatch.GetTimestamp();
        using var poll = new PeriodicTimer(s_pollInterval);
        while (true)
        {
            if (await ask() is { } answer) return answer;
            if (Stopwatch.GetElapsedTime(start) > s_deadline)
                throw new TimeoutException($"Within {s_deadline.TotalSeconds} s this did not come true: {what}");
            await poll.WaitForNextTickAsync();
        }
    }
}
