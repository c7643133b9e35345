using System.Net.Http.Json;
using System.Text.Json;
using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>A portal with a service account.</summary>
public sealed class MagicLinkStage : Stage
{
    public const string Key = "8c0f4c4e-7f0f-4c35-9a77-3f9f0f8f7d11";

    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["V2_ADMIN_ACCOUNT"] = $"2f7a1f60-6b1c-4b6e-9b5f-0f6a3c1d2e4b:{Key}:ad9e9d84-92ea-4f07-bac9-5d898d59c83b",
    };
}

/// <summary>Tests magic links from the email to the app.</summary>
public sealed class MagicLinkTests(MagicLinkStage stage) : BrowserTest(stage), IClassFixture<MagicLinkStage>
{
    private async Task<JsonElement> PostAsync(string operation, object body)
    {
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{Portal.Port}") };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v2/" + operation) { Content = JsonContent.Create(body) };
        request.Headers.Add("X-API-KEY", MagicLinkStage.Key);
        using var answer = await client.SendAsync(request);
        answer.IsSuccessStatusCode.ShouldBeTrue(await answer.Content.ReadAsStringAsync());
        return await answer.Content.ReadFromJsonAsync<JsonElement>();
    }

    private async Task<string> MailLinkAsync(string app, string to, string path = "/signed-in")
    {
        await PostAsync("magic-link-email/create", new
        {
            magicLinkCreateParams = new { redirectURL = app + path, jwtCreateParams = new { claims = new { email = to } } },
            magicLinkEmailCreateParams = new
            {
                serviceName = "The shop",
                subject = "Sign in to the shop",
                title = "Sign in to the shop",
                toEmail = to,
                buttonText = "Sign in",
            },
        });
        return to;
    }

    private static async Task<MagicLinkPage> OpenFromMailAsync(BrowserUser user)
    {
        var mailbox = await MailboxPage.OpenAsync(user);
        var mail = mailbox.To(user.Address);
        await mail.Locator("summary").ClickAsync();
        var link = (await mail.FrameLocator("iframe").Locator("a.button").GetAttributeAsync("href"))!;
        await mailbox.Page.GotoAsync(link);
        return new MagicLinkPage(mailbox.Page);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_button_redirects_to_the_app_with_a_valid_JWT(bool script)
    {
        await using var app = await ThirdPartyApp.StartAsync(Portal);
        var (reader, ann) = (await OpenBrowserAsync(), script ? await OpenBrowserAsync() : await OpenBrowserWithoutScriptAsync());
        await MailLinkAsync(app.Url, reader.Address);
        // Opening the link in another browser does not use it up.
        var looked = await OpenFromMailAsync(reader);
        await Expect(looked.Heading).ToHaveTextAsync($"Continue to {new Uri(app.Url).Authority}?");

        var shown = new MagicLinkPage(await ann.OpenTabAsync());
        await shown.Page.GotoAsync(looked.Page.Url);
        await shown.Continue.ClickAsync();

        await Expect(shown.Heading).ToHaveTextAsync("Signed in");
        shown.Page.Url.ShouldStartWith(app.Url + "/signed-in?jwt=");
        var validated = await PostAsync("jwt/validate", new { jwtValidateParams = new { jwt = shown.Page.Url.Split("jwt=")[1] } });
        validated.GetProperty("jwtValidateResults").GetProperty("claims").GetProperty("email").GetString().ShouldBe(reader.Address);
        // The used link is refused in the first browser too.
        reader.IgnoreConsoleErrors("status of 410");
        await looked.Continue.ClickAsync();
        await Expect(looked.Heading).ToHaveTextAsync("This link no longer works");
    }

    [Fact]
    public async Task The_app_can_redirect_to_another_origin()
    {
        await using var app = await ThirdPartyApp.StartAsync(Portal);
        var ann = await OpenBrowserAsync();
        await MailLinkAsync(app.Url, ann.Address, "/leads-on");
        var shown = await OpenFromMailAsync(ann);

        await shown.Continue.ClickAsync();

        await Expect(shown.Heading).ToHaveTextAsync("Signed in");
        new Uri(shown.Page.Url).Host.ShouldBe("127.0.0.1");
    }

    [Theory]
    [InlineData("de-DE")]
    [InlineData("fr-FR")]
    public async Task The_magic_link_pages_are_accessible_and_fit_the_viewport(string locale)
    {
        var findings = new List<string>();
        var ann = await OpenBrowserAsync(options => options.Locale = locale);
        ann.IgnoreConsoleErrors("status of 410");
        await MailLinkAsync("https://a-rather-long-name.of-an-app.example.com:8443", ann.Address);
        var shown = await OpenFromMailAsync(ann);

        findings.AddRange(await FindingsAsync(shown, "magic link", 320, 1280));
        await shown.Page.GotoAsync($"{Portal.Url}/magic-link?secret=over");
        findings.AddRange(await FindingsAsync(shown, "expired magic link", 320, 1280));

        findings.ShouldBeEmpty();
    }
}
