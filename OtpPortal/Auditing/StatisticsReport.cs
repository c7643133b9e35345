using System.Globalization;

namespace OtpPortal.Auditing;

/// <summary>A range of time up to now.</summary>
public enum StatisticsRange
{
    /// <summary>The last 24 hours, by hour.</summary>
    Day,

    /// <summary>The last 7 days, by six hours.</summary>
    Week,

    /// <summary>The last 30 days, by day.</summary>
    Month,
}

/// <summary>The counts of a range.</summary>
/// <param name="Slots">The counts of its parts; the current part comes last.</param>
/// <param name="Before">The counts of the range before, over the same length of time.</param>
public sealed record StatisticsReport(
    StatisticsRange Range, IReadOnlyList<StatisticsSlot> Slots, StatisticsSlot Total, StatisticsSlot Before);

/// <summary>The counts of an interval.</summary>
/// <param name="Start">The start of the interval: a full hour, UTC.</param>
/// <param name="AcceptedBy">Messages that a provider accepted, by provider.</param>
/// <param name="FailedBy">Undeliverable messages by provider.</param>
/// <param name="Took">The times from the first message to the correct code.</param>
public sealed record StatisticsSlot(
    DateTimeOffset Start,
    long Begun,
    long SignedIn,
    long Sent,
    long Verified,
    long Wrong,
    long Expired,
    long Limited,
    long SmsHeldBack,
    IReadOnlyDictionary<string, long> AcceptedBy,
    IReadOnlyDictionary<string, long> FailedBy,
    Durations Took)
{
    private static readonly Dictionary<string, long> s_none = new(StringComparer.Ordinal);

    public long Failed => FailedBy.Values.Sum();

    public static StatisticsSlot Empty(DateTimeOffset start) =>
        new(start, 0, 0, 0, 0, 0, 0, 0, 0, s_none, s_none, new Durations(s_none));

    public static StatisticsSlot Sum(DateTimeOffset start, IReadOnlyList<StatisticsSlot> slots) => new(
        start,
        slots.Sum(slot => slot.Begun),
        slots.Sum(slot => slot.SignedIn),
        slots.Sum(slot => slot.Sent),
        slots.Sum(slot => slot.Verified),
        slots.Sum(slot => slot.Wrong),
        slots.Sum(slot => slot.Expired),
        slots.Sum(slot => slot.Limited),
        slots.Sum(slot => slot.SmsHeldBack),
        Merge(slots.Select(slot => slot.AcceptedBy)),
        Merge(slots.Select(slot => slot.FailedBy)),
        new Durations(Merge(slots.Select(slot => slot.Took.Counts))));

    private static Dictionary<string, long> Merge(IEnumerable<IReadOnlyDictionary<string, long>> all) =>
        all.SelectMany(counts => counts).GroupBy(count => count.Key, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.Sum(count => count.Value), StringComparer.Ordinal);
}

/// <summary>A histogram of durations with a few buckets, whose size does not depend on the number of events.</summary>
/// <param name="Counts">The counts by upper bound in seconds; the last bucket has no bound.</param>
public sealed record Durations(IReadOnlyDictionary<string, long> Counts)
{
    private const string Longer = "longer";
    private static readonly int[] s_bounds = [2, 4, 6, 8, 10, 15, 20, 25, 30, 40, 50, 60, 90, 120, 180, 240, 300, 450, 600];

    /// <summary>The median, interpolated within its bucket; null if there are no durations.</summary>
    public TimeSpan? Median
    {
        get
        {
            var middle = Counts.Values.Sum() / 2.0;
            if (middle == 0) return null;
            var (below, lower) = (0L, 0);
            foreach (var bound in s_bounds)
            {
                var here = Counts.GetValueOrDefault(bound.ToString(CultureInfo.InvariantCulture));
                if (here > 0 && below + here >= middle) return TimeSpan.FromSeconds(lower + ((bound - lower) * (middle - below) / here));
                (below, lower) = (below + here, bound);
            }
            return TimeSpan.FromSeconds(lower);
        }
    }

    internal static string BucketOf(TimeSpan duration)
    {
        foreach (var bound in s_bounds)
        {
            if (duration.TotalSeconds <= bound) return bound.ToString(CultureInfo.InvariantCulture);
        }
        return Longer;
    }
}
