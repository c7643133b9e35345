using System.Text.RegularExpressions;
using OtpPortal.Components;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Repository;

/// <summary>Tests that docs/design.md and portal.css agree, and that the colors are readable.</summary>
public sealed partial class DesignTests
{
    private static readonly string s_styles = RepositoryRoot.Read("OtpPortal", "wwwroot", "css", "portal.css");

    private static readonly Dictionary<string, (string Light, string Dark)> s_documented =
        TokenRow().Matches(RepositoryRoot.Read("docs", "design.md")).ToDictionary(
            row => row.Groups["name"].Value, row => (row.Groups["light"].Value, row.Groups["dark"].Value), StringComparer.Ordinal);

    [Fact]
    public void The_documented_colors_are_those_of_the_style_sheet()
    {
        var (light, dark) = (Block(0), Block(1));

        s_documented.Count.ShouldBeGreaterThan(10);
        foreach (var (name, (inLight, inDark)) in s_documented)
        {
            light[name].ShouldBe(inLight, name);
            dark.GetValueOrDefault(name, inLight).ShouldBe(inDark, name);
        }
    }

    [Theory]
    [InlineData("--portal-ink", 7)]
    [InlineData("--portal-soft", 4.5)]
    [InlineData("--portal-link", 4.5)]
    [InlineData("--portal-danger", 4.5)]
    [InlineData("--portal-good", 4.5)]
    [InlineData("--portal-warn", 4.5)]
    [InlineData("--portal-control", 3)]
    public void Colors_are_readable_on_cards_and_pages_in_both_schemes(string name, double ratio)
    {
        foreach (var ground in (string[])["--portal-surface", "--portal-page", "--portal-sunken"])
        {
            Contrast(s_documented[name].Light, s_documented[ground].Light).ShouldBeGreaterThanOrEqualTo(ratio, $"{name} on {ground}");
            Contrast(s_documented[name].Dark, s_documented[ground].Dark).ShouldBeGreaterThanOrEqualTo(ratio, $"{name} on {ground}, dark");
        }
    }

    [Fact]
    public void The_text_on_the_accent_color_is_readable() =>
        Contrast(s_documented["--portal-accent"].Light, s_documented["--portal-on-accent"].Light).ShouldBeGreaterThanOrEqualTo(4.5);

    [Theory]
    [InlineData("portal.css")]
    [InlineData("admin.css")]
    [InlineData("docs.css")]
    public void Offsets_are_logical_so_that_right_to_left_languages_need_no_other_styles(string file) =>
        PhysicalProperty().Matches(RepositoryRoot.Read("OtpPortal", "wwwroot", "css", file)).Select(match => match.Value).ShouldBeEmpty();

    private static double Contrast(string one, string other) =>
        AccentColor.Contrast(AccentColor.Luminance(Long(one)), AccentColor.Luminance(Long(other)));

    private static string Long(string hex) =>
        hex.Length == 7 ? hex : "#" + string.Concat(hex.Skip(1).Select(digit => new string(digit, 2)));

    // The first two :root blocks are those of the light and the dark scheme.
    private static Dictionary<string, string> Block(int number) =>
        Declaration().Matches(RootBlock().Matches(s_styles)[number].Value).ToDictionary(
            declaration => declaration.Groups["name"].Value, declaration => declaration.Groups["value"].Value, StringComparer.Ordinal);

    [GeneratedRegex(@"^\| `(?<name>--portal-[a-z-]+)` \| `(?<light>#[0-9a-f]+)` \| `(?<dark>#[0-9a-f]+)` \|", RegexOptions.Multiline)]
    private static partial Regex TokenRow();

    [GeneratedRegex(@":root \{[^}]*\}")]
    private static partial Regex RootBlock();

    [GeneratedRegex("(?<name>--portal-[a-z-]+): (?<value>[^;]+);")]
    private static partial Regex Declaration();

    [GeneratedRegex(@"(?:margin|padding|border)-(?:left|right)|text-align: (?:left|right)|to (?:left|right)|(?<![a-z-])(?:left|right):")]
    private static partial Regex PhysicalProperty();
}
