using System.Globalization;
using OtpPortal.Configuration;

namespace OtpPortal.Limits;

/// <summary>So many events in so much time, counted over a sliding window.</summary>
/// <param name="Name">What it is counted under: as in the setting, without LIMIT_.</param>
/// <param name="Count">1–1,000,000 events.</param>
/// <param name="Window">1 s to 7 days.</param>
public sealed record Limit(string Name, int Count, TimeSpan Window);

/// <summary>The limits that all replicas share, because they are counted in the store.</summary>
/// <param name="SendsPerAddress">LIMIT_SENDS_PER_ADDRESS: messages to one address.</param>
/// <param name="SendsPerIp">LIMIT_SENDS_PER_IP: messages asked for by one client (IPv6: its /64).</param>
/// <param name="FailuresPerAddress">LIMIT_FAILURES_PER_ADDRESS: wrong codes for one address (NIST SP 800-63B-4, 3.2.2: at most
/// 100).</param>
/// <param name="SecretFailuresPerIp">LIMIT_SECRET_FAILURES_PER_IP: wrong admin keys and namespace secrets from one client.</param>
/// <param name="RequestsPerNamespace">LIMIT_REQUESTS_PER_NAMESPACE: requests of one namespace.</param>
/// <param name="RequestsPerAccount">LIMIT_REQUESTS_PER_ACCOUNT: requests of one service account.</param>
public sealed record LimitSettings(
    Limit SendsPerAddress, Limit SendsPerIp, Limit FailuresPerAddress, Limit SecretFailuresPerIp, Limit RequestsPerNamespace,
    Limit RequestsPerAccount)
    : ISettings<LimitSettings>
{
    private IEnumerable<Limit> All =>
        [SendsPerAddress, SendsPerIp, FailuresPerAddress, SecretFailuresPerIp, RequestsPerNamespace, RequestsPerAccount];

    public static LimitSettings Read(SettingsReader reader)
    {
        var settings = new LimitSettings(
            ReadLimit(reader, "LIMIT_SENDS_PER_ADDRESS", "SENDS_PER_ADDRESS", 5, 900),
            ReadLimit(reader, "LIMIT_SENDS_PER_IP", "SENDS_PER_IP", 30, 900),
            ReadLimit(reader, "LIMIT_FAILURES_PER_ADDRESS", "FAILURES_PER_ADDRESS", 100, 86400),
            ReadLimit(reader, "LIMIT_SECRET_FAILURES_PER_IP", "SECRET_FAILURES_PER_IP", 10, 300),
            ReadLimit(reader, "LIMIT_REQUESTS_PER_NAMESPACE", "REQUESTS_PER_NAMESPACE", 600_000, 60),
            ReadLimit(reader, "LIMIT_REQUESTS_PER_ACCOUNT", "REQUESTS_PER_ACCOUNT", 600_000, 60));
        var known = settings.All.Select(limit => limit.Name).ToArray();
        // A limit with a mistyped name would silently not hold.
        foreach (var name in reader.Names.Where(name => name.StartsWith("LIMIT_", StringComparison.OrdinalIgnoreCase)
            && !known.Contains(name["LIMIT_".Length..], StringComparer.OrdinalIgnoreCase)))
        {
            reader.AddError($"{name} is not a known limit. The limits are LIMIT_{string.Join(", LIMIT_", known)}.");
        }
        return settings;
    }

    internal static Limit ReadLimit(SettingsReader reader, string setting, string name, int count, int seconds)
    {
        var text = reader.Text(setting);
        if (text is null) return new Limit(name, count, TimeSpan.FromSeconds(seconds));
        var parts = text.Split('/');
        if (parts.Length == 2
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var c) && c is >= 1 and <= 1_000_000
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var s) && s is >= 1 and <= 604_800)
        {
            return new Limit(name, c, TimeSpan.FromSeconds(s));
        }
        reader.AddError(setting, text, $"count/seconds such as {count}/{seconds}, with 1 to 1000000 events in 1 to 604800 seconds");
        return new Limit(name, count, TimeSpan.FromSeconds(seconds));
    }
}
