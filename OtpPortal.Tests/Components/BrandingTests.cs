using OtpPortal.Components;
using OtpPortal.Configuration;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Components;

/// <summary>Tests the look that operators configure: colors, logo, background and style sheet.</summary>
public sealed class BrandingTests
{
    private static readonly double s_white = AccentColor.Luminance("#ffffff");
    private static readonly double s_dark = AccentColor.Luminance("#1a1d24");

    [Theory]
    [InlineData("#000000")]
    [InlineData("#ffffff")]
    [InlineData("#ffff00")]
    [InlineData("#4f46e5")]
    [InlineData("#7f7f7f")]
    [InlineData("#00ff88")]
    public void Every_accent_color_stays_readable(string hex)
    {
        var accent = new AccentColor(hex);

        AccentColor.Contrast(AccentColor.Luminance(accent.Text == "#000" ? "#000000" : "#ffffff"), AccentColor.Luminance(hex))
            .ShouldBeGreaterThanOrEqualTo(4.5);
        AccentColor.Contrast(AccentColor.Luminance(accent.LinkOnLight), s_white).ShouldBeGreaterThanOrEqualTo(4.5);
        AccentColor.Contrast(AccentColor.Luminance(accent.LinkOnDark), s_dark).ShouldBeGreaterThanOrEqualTo(4.5);
    }

    [Fact]
    public void A_readable_accent_color_is_not_changed() => new AccentColor("#3a37b8").LinkOnLight.ShouldBe("#3a37b8");

    [Fact]
    public async Task The_accent_color_reaches_buttons_links_and_the_icon()
    {
        await using var portal = await PortalHost.StartAsync(("ACCENT_COLOR", "#ffd400"));

        var page = await portal.NewBrowser().GetAsync("/");

        var style = page.Find("style")!.TextContent;
        style.ShouldContain("--portal-accent: #ffd400");
        style.ShouldContain("--portal-on-accent: #000");
        style.ShouldContain($"--portal-link: {new AccentColor("#ffd400").LinkOnLight}");
        Uri.UnescapeDataString(page.Find("link[rel=icon]")!.GetAttribute("href")!).ShouldContain("fill='#ffd400'");
    }

    [Fact]
    public async Task The_logo_has_a_fixed_size_so_that_loading_it_late_moves_nothing()
    {
        await using var portal = await PortalHost.StartAsync(("LOGO_URL", "https://cdn.example.com/logo.svg"));

        var logo = (await portal.NewBrowser().GetAsync("/")).Find(".portal-brand img")!;

        (logo.GetAttribute("width"), logo.GetAttribute("height"), logo.GetAttribute("alt")).ShouldBe(("40", "40", ""));
    }

    [Fact]
    public async Task The_background_is_allowed_by_the_CSP_and_shown_behind_the_card()
    {
        await using var portal = await PortalHost.StartAsync(
            ("BACKGROUND_URL", "https://img.example.com/sea \"x\").jpg"), ("LOGO_URL", "https://img.example.com/logo.svg"));

        var page = await portal.NewBrowser().GetAsync("/");

        page.Header("Content-Security-Policy").ShouldNotBeNull().ShouldContain("img-src 'self' data: https://img.example.com;");
        var frame = page.Find(".portal.portal-on-image")!;
        frame.GetAttribute("style").ShouldBe("--portal-background: url(\"https://img.example.com/sea%20%22x%22).jpg\")");
    }

    [Fact]
    public async Task The_operators_style_sheet_is_the_last_one_and_may_be_cached()
    {
        using var folder = new TemporaryFolder();
        var file = Path.Combine(folder.Path, "look.css");
        await File.WriteAllTextAsync(file, "/* } */ .portal-brand::after { content: \"}\"; }");
        await using var portal = await PortalHost.StartAsync(("CUSTOM_CSS_FILE", file));

        var page = await portal.NewBrowser().GetAsync("/");
        var path = page.Page.QuerySelectorAll("link[rel=stylesheet]")[^1].GetAttribute("href")!;
        var sheet = await portal.NewBrowser().GetAsync(path);

        path.ShouldStartWith("/css/custom-");
        sheet.Status.ShouldBe(200);
        sheet.ContentType.ShouldBe("text/css; charset=utf-8");
        sheet.Header("Cache-Control").ShouldNotBeNull().ShouldContain("immutable");
        sheet.Body.ShouldContain(".portal-brand::after");
    }

    [Theory]
    [InlineData("a {\n  color: red;\n", "line 1, the block does not end")]
    [InlineData("a { color: red; }\n}\n", "line 2, a } closes no block")]
    [InlineData("a { }\n/* never\nends", "line 2, the comment does not end")]
    [InlineData("a::after { content: \"x; }\n", "line 1, the string does not end")]
    public void A_broken_style_sheet_stops_the_start_and_names_the_line(string text, string mistake)
    {
        using var folder = new TemporaryFolder();
        var file = Path.Combine(folder.Path, "look.css");
        File.WriteAllText(file, text);

        ErrorOf(file).ShouldBe($"CUSTOM_CSS_FILE must be a valid style sheet, but in {file}, {mistake}.");
    }

    [Fact]
    public void A_missing_or_huge_style_sheet_stops_the_start()
    {
        using var folder = new TemporaryFolder();
        var file = Path.Combine(folder.Path, "look.css");
        ErrorOf(file).ShouldStartWith($"CUSTOM_CSS_FILE must be a readable style sheet, but {file} cannot be read:");

        File.WriteAllText(file, new string(' ', 300_000));
        ErrorOf(file).ShouldBe($"CUSTOM_CSS_FILE must be at most 256 KB, but {file} is larger.");
    }

    private static string ErrorOf(string file) => Should.Throw<SettingsException>(() => AllSettings.Read(
        new Dictionary<string, string>(StringComparer.Ordinal) { ["CUSTOM_CSS_FILE"] = file, ["AUTH_SECRET_KEY"] = PortalHost.Secret },
        false)).Errors.ShouldHaveSingleItem();
}
