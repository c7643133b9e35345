using OtpPortal.Client;
using OtpPortal.Client.Authentication;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Client;

/// <summary>The authentication scheme's cache of portal responses.</summary>
public sealed class SignInCacheTests
{
    private readonly FakeClock _clock = new();
    private readonly List<string> _lookups = [];
    private Func<string, Task<string?>> _answer = token => Task.FromResult<string?>(token + "@example.com");

    private SignInCache Cache(int size = 3) => new(TimeSpan.FromSeconds(10), size, _clock, (token, _) =>
    {
        lock (_lookups) _lookups.Add(token);
        return _answer(token);
    });

    [Fact]
    public async Task Evicts_the_oldest_entry_when_full()
    {
        var cache = Cache(size: 3);

        foreach (var token in (string[])["a", "b", "c", "d"])
        {
            (await cache.FindAsync(token, CancellationToken.None)).ShouldBe(token + "@example.com");
            _clock.Advance(TimeSpan.FromSeconds(1));
        }
        cache.Count.ShouldBe(3);
        await cache.FindAsync("b", CancellationToken.None);
        await cache.FindAsync("a", CancellationToken.None);
        _lookups.ShouldBe(["a", "b", "c", "d", "a"]);
        cache.Count.ShouldBe(3);
    }

    [Fact]
    public async Task Removes_expired_entries()
    {
        var cache = Cache(size: 100);
        foreach (var i in Enumerable.Range(0, 50)) await cache.FindAsync($"t{i}", CancellationToken.None);

        _clock.Advance(TimeSpan.FromSeconds(10));
        await cache.FindAsync("new", CancellationToken.None);

        cache.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Does_not_cache_unknown_tokens_or_failures()
    {
        var cache = Cache();
        _answer = _ => Task.FromResult<string?>(null);
        foreach (var i in Enumerable.Range(0, 50)) (await cache.FindAsync($"t{i}", CancellationToken.None)).ShouldBeNull();
        _answer = _ => Task.FromException<string?>(new OtpPortalException("away"));
        await Should.ThrowAsync<OtpPortalException>(() => cache.FindAsync("t", CancellationToken.None));

        cache.Count.ShouldBe(0);
    }

    [Fact]
    public async Task Cancelling_one_caller_does_not_cancel_the_shared_lookup()
    {
        var cache = Cache();
        var answer = new TaskCompletionSource<string?>();
        _answer = _ => answer.Task;
        using var leaving = new CancellationTokenSource();
        var first = cache.FindAsync("a", leaving.Token);
        var second = cache.FindAsync("a", CancellationToken.None);

        await leaving.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => first);
        answer.SetResult("ann@example.com");

        (await second).ShouldBe("ann@example.com");
        _lookups.ShouldHaveSingleItem();
    }

    [Fact]
    public async Task The_lifetime_of_an_entry_starts_with_the_request()
    {
        var cache = Cache();
        var slow = new TaskCompletionSource<string?>();
        _answer = _ => slow.Task;
        var first = cache.FindAsync("a", CancellationToken.None);

        _clock.Advance(TimeSpan.FromSeconds(10));
        var second = cache.FindAsync("a", CancellationToken.None);
        slow.SetResult("ann@example.com");
        await Task.WhenAll(first, second);

        _lookups.Count.ShouldBe(2);
        cache.Count.ShouldBe(1);
    }
}
