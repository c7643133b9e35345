using OtpPortal.Configuration;

namespace OtpPortal.Delivery;

/// <summary>How long a provider may take for a message, and how many it gets at once.</summary>
/// <param name="Timeout"><c>…_TIMEOUT</c>: for one message, 1–60 s.</param>
/// <param name="Connections"><c>…_CONNECTIONS</c>: messages that are handed over at the same time, 1–100. Others wait.</param>
public sealed record ProviderTerms(TimeSpan Timeout, int Connections)
{
    internal static ProviderTerms Read(SettingsReader reader, string prefix, int seconds = 10) =>
        new(reader.Seconds(prefix + "_TIMEOUT", seconds, 1, 60), reader.Integer(prefix + "_CONNECTIONS", 10, 1, 100));
}
