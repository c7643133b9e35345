using System.Security.Cryptography;
using System.Text;

namespace OtpPortal.Client.Authentication;

/// <summary>
/// Who is signed in with a token, as the portal said a moment ago. Requests with the same token that come at once ask once. Only a "yes" is
/// kept: a "no" or a failure is told to those who are waiting for it, and the next request asks again.
/// </summary>
internal sealed class SignInCache(TimeSpan lifetime, int size, TimeProvider time, Func<string, CancellationToken, Task<string?>> ask)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedListNode<Entry>> _entries = new(StringComparer.Ordinal);

    // The one that was asked first is over first, because all live equally long.
    private readonly LinkedList<Entry> _byAge = new();

    public int Count
    {
        get
        {
            lock (_lock) return _entries.Count;
        }
    }

    /// <returns>The email address; null when nobody is signed in with this token.</returns>
    /// <exception cref="OtpPortalException">The portal cannot say.</exception>
    public Task<string?> FindAsync(string token, CancellationToken stop)
    {
        if (lifetime == TimeSpan.Zero) return ask(token, stop);
        // A copy of this process's memory shall not be a list of keys to the portal.
        var key = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(token)));
        LinkedListNode<Entry> node;
        lock (_lock)
        {
            // Counted from the question, not from the answer: the portal may have looked before a revocation that is over by the time it
            // answers.
            var now = time.GetTimestamp();
            while (_byAge.First is { } oldest && time.GetElapsedTime(oldest.Value.AskedAt, now) >= lifetime) Remove(oldest);
            if (_entries.TryGetValue(key, out var known)) return known.Value.Answer.Task.WaitAsync(stop);
            if (_entries.Count >= size) Remove(_byAge.First!);
            node = _byAge.AddLast(new Entry(key, now));
            _entries.Add(key, node);
        }
        _ = AskAsync(node, token);
        return node.Value.Answer.Task.WaitAsync(stop);
    }

    // Not with the first request's own token of cancellation: the others would lose their answer when its visitor leaves.
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
            // Observed, also when everybody has left.
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
