using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Components.Localization;

/// <summary>Changing the language redirects back to the page.</summary>
public sealed class LanguageSwitchTests(PortalHost portal) : IClassFixture<PortalHost>
{
    private static string? ReturnPathOf(Answer page) => page.Find("form[action='/language'] input[name=back]")?.GetAttribute("value");

    [Theory]
    [InlineData("/")]
    [InlineData("/?return_to=https%3A%2F%2Fapp.example.com%2F%3Fa%3Db")]
    [InlineData("/docs")]
    [InlineData("/dev/mailbox")]
    public async Task Redirects_back_to_the_current_page(string path)
    {
        var browser = portal.NewBrowser();

        var back = ReturnPathOf(await browser.GetAsync(path)).ShouldNotBeNull();

        back.ShouldBe(path);
        var answer = await browser.PostAsync("/language", ("lang", "de"), ("back", back));
        (answer.Status, answer.Location).ShouldBe((303, path));
        (await browser.GetAsync(path)).Find("html")!.GetAttribute("lang").ShouldBe("de");
    }

    [Fact]
    public async Task Redirects_back_to_every_admin_page()
    {
        var browser = await portal.OpenAdministrationAsync();
        var links = (await browser.GetAsync("/admin")).Page.QuerySelectorAll("nav a[href^='/admin']");
        var pages = links.Select(link => link.GetAttribute("href")!).ToList();
        pages.ShouldContain("/admin/accounts");

        foreach (var path in pages)
        {
            ReturnPathOf(await browser.GetAsync(path)).ShouldBe(path);
            (await browser.PostAsync("/language", ("lang", "de"), ("back", path))).Location.ShouldBe(path);
        }
    }

    [Fact]
    public async Task Redirects_from_an_error_page_to_the_home_page() =>
        ReturnPathOf(await portal.NewBrowser().GetAsync("/nothing")).ShouldBe("/");

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
    public async Task Redirects_to_the_home_page_when_the_return_path_is_invalid(string back)
    {
        var answer = await portal.NewBrowser().PostAsync("/language", ("lang", "de"), ("back", back));

        (answer.Status, answer.Location).ShouldBe((303, "/"));
        answer.Cookies.Select(cookie => cookie.Name).ShouldBe(["otp_lang"]);
    }
}
