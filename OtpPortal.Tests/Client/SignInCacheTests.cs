using OtpPortal.Client;
using OtpPortal.Client.Authentication;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Client;

/// <summary>What the scheme remembers of the portal's answers.</summary>
public sealed class SignInCacheTests
{
    private readonly FakeClock _clock = new();
    private readonly List<string> _asked = [];
    private Func<string, Task<string?>> _answer = token => Task.FromResult<string?>(token + "@example.com");

    private SignInCache Cache(int size = 3) => new(TimeSpan.FromSeconds(10), size, _clock, (token, _) =>
    {
        lock (_asked) _asked.Add(token);
        return _answer(token);
    });

    [Fact]
    public async Task It_holds_so_many_answers_and_no_more_the_oldest_goes()
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
        _asked.ShouldBe(["a", "b", "c", "d", "a"]);
        cache.Count.ShouldBe(3);
    }

    [Fact]
    public async Task What_is_over_makes_room()
    {
        var cache = Cache(size: 100);
        foreach (var i in Enumerable.Range(0, 50)) await cache.FindAsync($"t{i}", CancellationToken.None);

        _clock.Advance(TimeSpan.FromSeconds(10));
        await cache.FindAsync("new", CancellationToken.None);

        cache.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Strangers_tokens_leave_nothing_behind()
    {
        var cache = Cache();
        _answer = _ => Task.FromResult<string?>(null);
        foreach (var i in Enumerable.Range(0, 50)) (await cache.FindAsync($"t{i}", CancellationToken.None)).ShouldBeNull();
        _answer = _ => Task.FromException<string?>(new OtpPortalException("away"));
        await Should.ThrowAsync<OtpPortalException>(() => cache.FindAsync("t", CancellationToken.None));

        cache.Count.ShouldBe(0);
    }

    [Fact]
    public async Task Who_leaves_takes_nobodys_answer_away()
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
        _asked.ShouldHaveSingleItem();
    }

    [Fact]
    public async Task The_time_counts_from_the_question_because_the_portal_may_have_looked_at_once()
    {
        var cache = Cache();
        var slow = new TaskCompletionSource<string?>();
        _answer = _ => slow.Task;
        var first = cache.FindAsync("a", CancellationToken.None);

        _clock.Advance(TimeSpan.FromSeconds(10));
        var second = cache.FindAsync("a", CancellationToken.None);
        slow.SetResult("ann@example.com");
        await Task.WhenAll(first, second);

        _asked.Count.ShouldBe(2);
        cache.Count.ShouldBe(1);
    }
}
