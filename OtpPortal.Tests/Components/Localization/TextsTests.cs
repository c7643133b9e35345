using System.Text.RegularExpressions;
using System.Xml.Linq;
using OtpPortal.Tests.Configuration;

namespace OtpPortal.Tests.Components.Localization;

/// <summary>The UI texts in five languages.</summary>
public sealed partial class TextsTests
{
    public static TheoryData<string> Translations => new("de", "fr", "es", "zh");

    private static Dictionary<string, string> Read(string suffix) =>
        XDocument.Load(Path.Combine(SettingsTests.RepositoryRoot(), "OtpPortal", "Components", "Localization", $"Texts{suffix}.resx"))
            .Root!.Elements("data")
            .ToDictionary(data => data.Attribute("name")!.Value, data => data.Element("value")!.Value, StringComparer.Ordinal);

    [Theory]
    [MemberData(nameof(Translations))]
    public void Every_text_is_translated_and_no_translation_is_unused(string language) =>
        Read("." + language).Keys.Order(StringComparer.Ordinal).ShouldBe(Read("").Keys.Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Translations))]
    public void Translations_use_the_same_placeholders(string language)
    {
        var english = Read("");
        foreach (var (name, text) in Read("." + language))
        {
            text.ShouldNotBeNullOrWhiteSpace(name);
            Placeholders(text).ShouldBe(Placeholders(english[name]), name);
        }
    }

    private static string[] Placeholders(string text) =>
        [.. Placeholder().Matches(text).Select(match => match.Value).Distinct().Order(StringComparer.Ordinal)];

    [GeneratedRegex(@"\{[0-9]+\}", RegexOptions.None, 1000)]
    private static partial Regex Placeholder();
}
