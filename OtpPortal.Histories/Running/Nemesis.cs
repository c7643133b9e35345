using OtpPortal.Histories.Recording;

namespace OtpPortal.Histories.Running;

/// <summary>Causes faults, chosen by the seed: one or two at a time, with calm times between them.</summary>
/// <param name="pace">Divides the length of the faults and of all calm times except the long ones.</param>
internal sealed class Nemesis(IReadOnlyList<FaultAction> actions, Recorder recorder, int seed, int pace)
{
    // Longer than the recovery bound, so that a run also proves that the portal recovers while it goes on.
    private static readonly TimeSpan s_longCalm = TimeSpan.FromSeconds(25);
    private const int FaultsBeforeLongCalm = 8;

    /// <summary>Causes faults until the time is up. All faults have ended when it returns.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var random = new Random(seed);
        var deck = new Queue<FaultAction>();
        for (var count = 1; !stop.IsCancellationRequested; count++)
        {
            var calm = count % (FaultsBeforeLongCalm * pace) == 0 ? s_longCalm : Milliseconds(500, 4000);
            if (!await WaitAsync(calm, stop)) return;
            var first = Draw(deck, random);
            // Two faults of one target would end each other.
            var second = random.Next(4) == 0 ? Draw(deck, random) : null;
            if (second?.Target == first.Target) second = null;
            var (length, otherLength) = (Milliseconds(200, 6000), Milliseconds(200, 6000));
            await Task.WhenAll(
                CauseAsync(first, length, stop), second is null ? Task.CompletedTask : CauseAsync(second, otherLength, stop));
        }

        TimeSpan Milliseconds(int min, int max) => TimeSpan.FromMilliseconds(random.Next(min, max) / (double)pace);
    }

    // Every fault happens once before one happens again.
    private FaultAction Draw(Queue<FaultAction> deck, Random random)
    {
        if (deck.Count == 0)
        {
            var shuffled = actions.ToArray();
            random.Shuffle(shuffled);
            foreach (var action in shuffled) deck.Enqueue(action);
        }
        return deck.Dequeue();
    }

    private async Task CauseAsync(FaultAction action, TimeSpan length, CancellationToken stop)
    {
        var start = recorder.Now;
        await action.Begin();
        await WaitAsync(length, stop);
        await action.End();
        recorder.Add(new Fault(action.Name, action.Target, start, recorder.Now));
    }

    private static async Task<bool> WaitAsync(TimeSpan time, CancellationToken stop)
    {
        try
        {
            await Task.Delay(time, stop);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
