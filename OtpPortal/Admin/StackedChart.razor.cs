using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Components;
using OtpPortal.Auditing;

namespace OtpPortal.Admin;

/// <summary>A chart of stacked bars.</summary>
public sealed partial class StackedChart
{
    private const int SlotWidth = 10;
    private const int BarWidth = 7;
    private const int Height = 100;

    // The lowest height at which a bar is visible.
    private const double MinHeight = 1.5;

    private (ChartSeries Series, string Path)[] _paths = [];
    private long _top;

    [Parameter, EditorRequired]
    public string Title { get; set; } = "";

    [Parameter, EditorRequired]
    public StatisticsRange Range { get; set; }

    [Parameter, EditorRequired]
    public IReadOnlyList<StatisticsSlot> Slots { get; set; } = [];

    /// <summary>The series, from the bottom up. Of three or more, those without events are omitted.</summary>
    [Parameter, EditorRequired]
    public IReadOnlyList<ChartSeries> Series { get; set; } = [];

    /// <summary>What is shown above the chart.</summary>
    [Parameter]
    public RenderFragment? ChildContent { get; set; }

    private IReadOnlyList<ChartSeries> Shown =>
        Series.Count > 2 && Series.Where(series => Slots.Any(slot => series.Of(slot) > 0)).ToList() is { Count: > 0 } used ? used : Series;

    private int LabelEvery => Slots.Count / 6;

    protected override void OnParametersSet()
    {
        var shown = Shown;
        _top = Ceiling(Slots.Max(slot => shown.Sum(series => series.Of(slot))));
        var bases = new double[Slots.Count];
        _paths = [.. shown.Select(series => (series, PathOf(series, bases)))];
    }

    /// <summary>Returns the top of an axis whose half is a whole number: 2, 4, 6, 8, 10, 20, 40, …</summary>
    internal static long Ceiling(long max)
    {
        for (var unit = 1L; ; unit *= 10)
        {
            foreach (var step in (ReadOnlySpan<long>)[2, 4, 6, 8, 10])
            {
                if (step * unit >= max) return step * unit;
            }
        }
    }

    private string PathOf(ChartSeries series, double[] bases)
    {
        var path = new StringBuilder();
        for (var at = 0; at < Slots.Count; at++)
        {
            if (series.Of(Slots[at]) is not (> 0 and var count)) continue;
            var height = Math.Max(MinHeight, (double)Height * count / _top);
            var x = (at * SlotWidth) + ((SlotWidth - BarWidth) / 2.0);
            path.Append(CultureInfo.InvariantCulture, $"M{x:0.#} {Height - bases[at]:0.#}h{BarWidth}v{-height:0.#}h-{BarWidth}z");
            bases[at] += height;
        }
        return path.ToString();
    }

    private string TipOf(StatisticsSlot slot) => string.Join('\n',
    [
        string.Create(CultureInfo.CurrentCulture, $"{slot.Start:g} UTC"),
        .. _paths.Select(item => string.Create(CultureInfo.CurrentCulture, $"{item.Series.Name}: {item.Series.Of(slot):N0}")),
    ]);

    private string Percent(int at) => (100.0 * at / Slots.Count).ToString("0.##", CultureInfo.InvariantCulture);
}
