namespace OtpPortal.Delivery;

/// <summary>How a message fared that somebody waited for.</summary>
public abstract record DispatchOutcome
{
    private DispatchOutcome() { }

    /// <summary>The provider that took it, which may be another one than the one that was asked for.</summary>
    public sealed record Sent(string Provider) : DispatchOutcome;

    /// <summary>A limit holds it back: nothing was sent.</summary>
    /// <param name="Reason">For whoever runs the portal; never the number itself.</param>
    public sealed record Limited(string Reason, TimeSpan Wait) : DispatchOutcome;

    /// <summary>Nobody took it.</summary>
    /// <param name="Provider">The last one that was asked.</param>
    public sealed record Failed(string Provider, SendOutcome Last) : DispatchOutcome;
}

/// <summary>Sends a message now, for a caller that waits for the outcome.</summary>
public sealed class Dispatcher(Providers providers, TimeProvider time)
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(15);

    /// <summary>Hands a message to a provider, or to those that take over when it fails.</summary>
    public async Task<DispatchOutcome> SendAsync(Provider provider, Message message, CancellationToken stop)
    {
        var failed = new DispatchOutcome.Failed(provider.Name, new SendOutcome.Temporary("it was not asked"));
        foreach (var next in providers.ChainOf(provider))
        {
            using var timeout = new CancellationTokenSource(s_timeout, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stop);
            SendOutcome outcome;
            try
            {
                outcome = await next.Sender.SendAsync(message, either.Token);
            }
            catch (OperationCanceledException) when (timeout.IsCancellationRequested && !stop.IsCancellationRequested)
            {
                outcome = new SendOutcome.Temporary($"no answer within {s_timeout.TotalSeconds} s");
            }
            if (outcome is SendOutcome.Accepted) return new DispatchOutcome.Sent(next.Name);
            failed = new DispatchOutcome.Failed(next.Name, outcome);
            if (outcome is SendOutcome.Refused) break;
        }
        return failed;
    }
}
