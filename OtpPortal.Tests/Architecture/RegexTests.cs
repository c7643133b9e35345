using System.Reflection;
using System.Text.RegularExpressions;

namespace OtpPortal.Tests.Architecture;

/// <summary>Tests the regular expressions of the portal.</summary>
public sealed class RegexTests
{
    /// <summary>
    /// A match timeout measures the clock on the wall, so a machine that pauses for a second would fail a valid request or stop the
    /// start. The patterns need none: they take linear time.
    /// </summary>
    [Fact]
    public void No_pattern_has_a_match_timeout()
    {
        const BindingFlags OfType = BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.DeclaredOnly;
        var patterns = typeof(PortalApp).Assembly.GetTypes().SelectMany(type => type.GetMethods(OfType))
            .Where(method => method.GetCustomAttribute<GeneratedRegexAttribute>() is not null)
            .Select(method => (Method: method, Regex: (Regex)method.Invoke(null, null)!)).ToList();

        patterns.Count.ShouldBeGreaterThan(10);
        patterns.Where(pattern => pattern.Regex.MatchTimeout != Regex.InfiniteMatchTimeout)
            .Select(pattern => $"{pattern.Method.DeclaringType}.{pattern.Method.Name}").ShouldBeEmpty();
    }
}
