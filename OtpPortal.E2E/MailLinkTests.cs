using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>A portal with <c>MAIL_LINK</c> enabled.</summary>
public sealed class MailLinkStage : Stage
{
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string> { ["MAIL_LINK"] = "true" };
}

/// <summary>Tests that the link signs in only the browser that requested the email.</summary>
public sealed class MailLinkTests(MailLinkStage stage) : BrowserTest(stage), IClassFixture<MailLinkStage>
{
    [Fact]
    public async Task The_link_signs_in_and_the_open_code_page_redirects()
    {
        var ann = await OpenBrowserAsync();
        var code = await BeginAsync(ann);
        await Expect(code.Page.Locator("main")).ToContainTextAsync("Or open the link in the email in this browser.");
        // Takes the link from the rendered email.
        var mailbox = await MailboxPage.OpenAsync(ann);
        var mail = mailbox.To(ann.Address);
        await mail.Locator("summary").ClickAsync();
        var link =
            await LinkPage.OpenAsync(ann, (await mail.FrameLocator("iframe").Locator("a[href*='/login/link']").GetAttributeAsync("href"))!);

        await Expect(link.Heading).ToHaveTextAsync($"Sign in as {ann.Address}?");
        await link.SignIn.ClickAsync();

        await SignedInPage.IsShownAsync(link.Page, ann.Address);
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
        await link.Page.GotoAsync((await Mailbox.MailAsync(ann.Address)).Link);
        await Expect(link.Page.Locator("main")).ToContainTextAsync("You don't need this link");
    }

    [Fact]
    public async Task The_link_signs_in_without_JavaScript()
    {
        var ann = await OpenBrowserWithoutScriptAsync();
        await (await AddressPage.OpenAsync(ann)).SendToAsync(ann.Address);

        var link = await LinkPage.OpenAsync(ann, (await Mailbox.MailAsync(ann.Address)).Link);
        await link.SignIn.ClickAsync();

        await SignedInPage.IsShownAsync(link.Page, ann.Address);
    }

    [Fact]
    public async Task The_link_does_not_sign_in_on_another_device()
    {
        var ann = await OpenBrowserAsync();
        var code = await BeginAsync(ann);
        var mail = await Mailbox.MailAsync(ann.Address);
        var phone = await OpenBrowserAsync(
            options => (options.ViewportSize, options.IsMobile, options.HasTouch) = (new() { Width = 320, Height = 640 }, true, true));

        var link = await LinkPage.OpenAsync(phone, mail.Link);

        await Expect(link.Heading).ToHaveTextAsync("This link doesn't work here");
        await Expect(link.Page.Locator("main")).ToContainTextAsync("enter the code from the same email there");
        await Expect(link.SignIn).Not.ToBeVisibleAsync();
        (await phone.Context.CookiesAsync()).ShouldBeEmpty();
        // Entering the code in the first browser, as the page suggests, works.
        await code.TypeAsync(mail.Code);
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
    }

    [Theory]
    [InlineData("de-DE")]
    [InlineData("fr-FR")]
    public async Task The_link_pages_are_accessible_and_fit_the_viewport(string locale)
    {
        var findings = new List<string>();
        void Configure(BrowserNewContextOptions options) => options.Locale = locale;
        var (ann, other) = (await OpenBrowserAsync(Configure), await OpenBrowserAsync(Configure));
        ann.IgnoreConsoleErrors("status of 410");
        var code = await BeginAsync(ann);
        await CheckAsync("code page with the hint", code);
        var mail = await Mailbox.MailAsync(ann.Address);

        await CheckAsync("link elsewhere", await LinkPage.OpenAsync(other, mail.Link));
        var link = await LinkPage.OpenAsync(ann, mail.Link);
        await CheckAsync("link", link);
        for (var i = 0; i < 5; i++)
        {
            await Expect(code.Field).ToHaveValueAsync("");
            await code.TypeAsync(WrongCode(mail.Code));
        }
        await Expect(code.Field).Not.ToBeVisibleAsync();
        await link.Page.ReloadAsync();
        await Expect(link.Page.Locator("main a.portal-button[href='/']")).ToBeVisibleAsync();
        await CheckAsync("link of an ended sign-in", link);
        await SignInAsync(ann, message: 2);
        await link.Page.ReloadAsync();
        await CheckAsync("link when signed in", link);

        findings.ShouldBeEmpty();

        async Task CheckAsync(string name, PortalPage page) => findings.AddRange(await FindingsAsync(page, name, 320, 1280));
    }
}
