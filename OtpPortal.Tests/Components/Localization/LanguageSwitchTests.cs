using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Components.Localization;

/// <summary>The language is changed on a page, and the page comes back.</summary>
public sealed class LanguageSwitchTests(PortalHost portal) : IClassFixture<PortalHost>
{
    private static string? BackOf(Answer page) => page.Find("form[action='/language'] input[name=back]")?.GetAttribute("value");

    [Theory]
    [InlineData("/")]
    [InlineData("/?return_to=https%3A%2F%2Fapp.example.com%2F%3Fa%3Db")]
    [InlineData("/docs")]
    [InlineData("/dev/mailbox")]
    public async Task Leads_back_to_the_page(string path)
    {
        var browser = portal.NewBrowser();

        var back = BackOf(await browser.GetAsync(path)).ShouldNotBeNull();

        back.ShouldBe(path);
        var answer = await browser.PostAsync("/language", ("lang", "de"), ("back", back));
        (answer.Status, answer.Location).ShouldBe((303, path));
        (await browser.GetAsync(path)).Find("html")!.GetAttribute("lang").ShouldBe("de");
    }

    [Fact]
    public async Task Leads_back_to_every_page_of_the_administration()
    {
        var browser = await portal.OpenAdministrationAsync();
        var links = (await browser.GetAsync("/admin")).Page.QuerySelectorAll("nav a[href^='/admin']");
        var pages = links.Select(link => link.GetAttribute("href")!).ToList();
        pages.ShouldContain("/admin/accounts");

        foreach (var path in pages)
        {
            BackOf(await browser.GetAsync(path)).ShouldBe(path);
            (await browser.PostAsync("/language", ("lang", "de"), ("back", path))).Location.ShouldBe(path);
        }
    }

    [Fact]
    public async Task Leads_from_an_error_page_to_the_start() =>
        BackOf(await portal.NewBrowser().GetAsync("/nothing")).ShouldBe("/");

    [Theory]
    [InlineData("https://evil.example")]
    [InlineData("//evil.example")]
    [InlineData("/\\evil.example")]
    [InlineData("/\t/evil.example")]
    [InlineData("evil")]
    [InlineData("~/admin")]
    [InlineData("")]
    [InlineData("/a\r\nSet-Cookie: x=y")]
    [InlineData("/\u00e9")]
    [InlineData("/\ud800")]
    public async Task Leads_nowhere_else(string back)
    {
        var answer = await portal.NewBrowser().PostAsync("/language", ("lang", "de"), ("back", back));

        (answer.Status, answer.Location).ShouldBe((303, "/"));
        answer.Cookies.Select(cookie => cookie.Name).ShouldBe(["otp_lang"]);
    }
}
