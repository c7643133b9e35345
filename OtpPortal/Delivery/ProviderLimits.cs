using OtpPortal.Configuration;

namespace OtpPortal.Delivery;

/// <summary>A provider's timeout and maximum number of connections.</summary>
/// <param name="Timeout"><c>…_TIMEOUT</c>: time limit for one message, 1–60 s.</param>
/// <param name="Connections"><c>…_CONNECTIONS</c>: maximum number of messages sent at a time, 1–100. Others wait.</param>
public sealed record ProviderLimits(TimeSpan Timeout, int Connections)
{
    internal static ProviderLimits Read(SettingsReader reader, string prefix, int seconds = 10) =>
        new(reader.Seconds(prefix + "_TIMEOUT", seconds, 1, 60), reader.Integer(prefix + "_CONNECTIONS", 10, 1, 100));
}
