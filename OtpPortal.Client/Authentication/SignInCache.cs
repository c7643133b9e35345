using System.Security.Cryptography;
using System.Text;

namespace OtpPortal.Client.Authentication;

/// <summary>
/// Caches the portal's responses for a short time. Concurrent requests with the same token share one call. Only positive
/// responses are cached; others are returned to the waiting requests, and the next request calls the portal again.
/// </summary>
internal sealed class SignInCache(TimeSpan lifetime, int size, TimeProvider time, Func<string, CancellationToken, Task<string?>> ask)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedListNode<Entry>> _entries = new(StringComparer.Ordinal);

    // Sorted by expiry, because all entries have the same lifetime.
    private readonly LinkedList<Entry> _byAge = new();

    public int Count
    {
        get
        {
            lock (_lock) return _entries.Count;
        }
    }

    /// <returns>The email address; null if the token is not live.</returns>
    /// <exception cref="OtpPortalException">The portal cannot check the token.</exception>
    public Task<string?> FindAsync(string token, CancellationToken cancellationToken)
    {
        if (lifetime == TimeSpan.Zero) return ask(token, cancellationToken);
        // Hashed, so that a memory dump of this process does not contain usable tokens.
        var key = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(token)));
        LinkedListNode<Entry> node;
        lock (_lock)
        {
            // The lifetime starts with the request, not the response: the portal may have checked the token before a revocation
            // that happens in between.
            var now = time.GetTimestamp();
            while (_byAge.First is { } oldest && time.GetElapsedTime(oldest.Value.AskedAt, now) >= lifetime) Remove(oldest);
            if (_entries.TryGetValue(key, out var known)) return known.Value.Answer.Task.WaitAsync(cancellationToken);
            if (_entries.Count >= size) Remove(_byAge.First!);
            node = _byAge.AddLast(new Entry(key, now));
            _entries.Add(key, node);
        }
        _ = AskAsync(node, token);
        return node.Value.Answer.Task.WaitAsync(cancellationToken);
    }

    // Without the first request's cancellation token: its cancellation would fail the other waiting requests.
    private async Task AskAsync(LinkedListNode<Entry> node, string token)
    {
        var answer = node.Value.Answer;
        try
        {
            var email = await ask(token, CancellationToken.None);
            if (email is null) Forget(node);
            answer.SetResult(email);
        }
        catch (Exception e)
        {
            Forget(node);
            answer.SetException(e);
            // Marks the exception as observed, in case all waiting requests were cancelled.
            _ = answer.Task.Exception;
        }
    }

    private void Forget(LinkedListNode<Entry> node)
    {
        lock (_lock)
        {
            if (node.List is not null) Remove(node);
        }
    }

    private void Remove(LinkedListNode<Entry> node)
    {
        _byAge.Remove(node);
        _entries.Remove(node.Value.Key);
    }

    private sealed record Entry(string Key, long AskedAt)
    {
        public TaskCompletionSource<string?> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
