using OtpPortal.SignIn;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.SignIn;

/// <summary>Tests the link from the code page to the user's inbox.</summary>
public sealed class MailSiteTests(PortalHost portal) : IClassFixture<PortalHost>
{
    [Theory]
    [InlineData("ann@gmail.com", "Gmail")]
    [InlineData("ann@GoogleMail.com", "Gmail")]
    [InlineData("ann@hotmail.fr", "Outlook")]
    [InlineData("ann@pm.me", "Proton Mail")]
    [InlineData("ann@web.de", "WEB.DE")]
    public void Known_providers_are_linked(string address, string name)
    {
        var site = MailSite.Find(address).ShouldNotBeNull();

        site.Name.ShouldBe(name);
        site.Url.ShouldStartWith("https://");
    }

    [Theory]
    [InlineData("ann@example.com")]
    [InlineData("gmail.com@example.com")]
    [InlineData("ann@gmail.com.example.com")]
    [InlineData("ann@notgmail.com")]
    public void Other_domains_are_not(string address) => MailSite.Find(address).ShouldBeNull();

    [Fact]
    public async Task In_Development_the_code_page_links_to_the_mailbox()
    {
        var browser = portal.NewBrowser();
        await browser.PostAsync("/login", ("email", TestUser.New()));

        var page = await browser.GetAsync("/login/code");

        page.Find("a[href='/dev/mailbox']").ShouldNotBeNull().GetAttribute("rel").ShouldBe("noopener noreferrer");
    }
}
