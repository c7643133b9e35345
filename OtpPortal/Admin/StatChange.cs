using OtpPortal.Auditing;

namespace OtpPortal.Admin;

/// <summary>How a number has changed since the range before.</summary>
/// <param name="Direction">1 if it has increased, -1 if it has decreased, 0 if it is the same.</param>
/// <param name="Text">The difference, with its sign.</param>
/// <param name="Before">The number of the range before.</param>
public sealed record StatChange(int Direction, string Text, string Before);

/// <summary>A series of a chart.</summary>
/// <param name="Color">The name of its color: the end of a CSS class.</param>
public sealed record ChartSeries(string Name, string Color, Func<StatisticsSlot, long> Of);
