using System.Text.Json;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.MagicLinks;

/// <summary>Tests codes and links sent by email with texts from the account.</summary>
public sealed class AccountMailTests(V2Portal v2) : IClassFixture<V2Portal>
{
    private static Dictionary<string, object?> Mail(string to, params (string Name, object? Value)[] more)
    {
        var mail = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["serviceName"] = "Shop & Co",
            ["subject"] = "Sign in to <Shop>",
            ["title"] = "Sign in to <Shop> & more",
            ["toEmail"] = to,
            ["greeting"] = "Hello \"Jane\" <b>Doe</b>,",
            ["subTitle"] = "Use the code below.",
            ["logoImageURL"] = "https://shop.example/logo.png?a=1&b=2",
            ["logoClickURL"] = "https://shop.example/",
        };
        foreach (var (name, value) in more) mail[name] = value;
        return mail;
    }

    private async Task<JsonElement> MessageAsync(string to) =>
        (await v2.Host.NewApiClient().GetAsync("/dev/mailbox.json")).Json.EnumerateArray()
            .First(message => message.GetProperty("to").GetString() == to);

    [Fact]
    public async Task The_code_email_shows_the_texts_of_the_account_HTML_encoded()
    {
        var app = await v2.NewAccountAsync();
        var to = TestUser.New();

        var answer = await app.PostAsync(
            "otp-email/create",
            new { otpCreateParams = new { charSetNumeric = true, lifespanSeconds = 600 }, otpEmailCreateParams = Mail(to) });

        answer.Status.ShouldBe(201, answer.Body);
        var results = answer.Json.GetProperty("otpEmailCreateResults").GetProperty("otpCreateResults");
        var otp = results.GetProperty("otp").GetString()!;
        var message = await MessageAsync(to);
        message.GetProperty("subject").GetString().ShouldBe("Sign in to <Shop>");
        var (text, html) = (message.GetProperty("text").GetString()!, message.GetProperty("html").GetString()!);
        foreach (var part in (string[])[
            "Hello \"Jane\" <b>Doe</b>,", "Sign in to <Shop> & more", "Use the code below.", otp, "10 minutes", "ignore this message"])
            text.ShouldContain(part);
        html.ShouldNotContain("<Shop>");
        html.ShouldNotContain("<b>Doe");
        var page = new AngleSharp.Html.Parser.HtmlParser().ParseDocument(html);
        page.QuerySelector("h1")!.TextContent.ShouldBe("Sign in to <Shop> & more");
        page.QuerySelector(".code")!.TextContent.ShouldBe(otp);
        page.QuerySelector("img")!.GetAttribute("src").ShouldBe("https://shop.example/logo.png?a=1&b=2");
        page.QuerySelector("img")!.ParentElement!.GetAttribute("href").ShouldBe("https://shop.example/");
        html.ShouldContain("prefers-color-scheme: dark");
        html.ShouldContain("Shop &amp; Co");
        (await app.ValidateAsync(results.GetProperty("id").GetString()!, otp)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task The_link_email_shows_the_button_text_of_the_account()
    {
        var app = await v2.NewAccountAsync();
        var to = TestUser.New();

        var answer = await app.PostAsync("magic-link-email/create", new
        {
            magicLinkCreateParams = new { redirectURL = "https://shop.example/in", lifespanSeconds = 86400 * 3 },
            magicLinkEmailCreateParams = Mail(to, ("buttonText", "Open the <shop>"), ("subTitle", "Use the button below.")),
        });

        answer.Status.ShouldBe(201, answer.Body);
        var results = answer.Json.GetProperty("magicLinkEmailCreateResults");
        var link = results.GetProperty("magicLinkCreateResults").GetProperty("magicLink").GetString()!;
        results.TryGetProperty("otpCreateResults", out _).ShouldBeFalse();
        var message = await MessageAsync(to);
        message.GetProperty("text").GetString()!.ShouldContain(link);
        message.GetProperty("text").GetString()!.ShouldContain("3 days");
        message.GetProperty("text").GetString()!.ShouldNotContain("code");
        var button = new AngleSharp.Html.Parser.HtmlParser().ParseDocument(message.GetProperty("html").GetString()!)
            .QuerySelector("a.button")!;
        button.TextContent.ShouldBe("Open the <shop>");
        button.GetAttribute("href").ShouldBe(link);
        var browser = v2.Host.NewBrowser();
        (await browser.PostAsync(
            "/magic-link", ("secret", results.GetProperty("magicLinkCreateResults").GetProperty("secret").GetString()!))).Location!
                .ShouldStartWith("https://shop.example/in?jwt=");
    }

    [Fact]
    public async Task Link_and_code_are_sent_in_one_email_when_both_are_requested()
    {
        var app = await v2.NewAccountAsync();
        var to = TestUser.New();

        var answer = await app.PostAsync("magic-link-email/create", new
        {
            magicLinkCreateParams = new { redirectURL = "https://shop.example/in" },
            otpCreateParams = new { charSetNumeric = true },
            magicLinkEmailCreateParams = Mail(to),
        });

        var results = answer.Json.GetProperty("magicLinkEmailCreateResults");
        var (id, otp) = (results.GetProperty("otpCreateResults").GetProperty("id").GetString()!, results.GetProperty("otpCreateResults")
            .GetProperty("otp").GetString()!);
        var text = (await MessageAsync(to)).GetProperty("text").GetString()!;
        text.ShouldContain(otp);
        text.ShouldContain(results.GetProperty("magicLinkCreateResults").GetProperty("magicLink").GetString()!);
        text.ShouldContain("Magic link:");
        (await app.ValidateAsync(id, otp)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Built_in_texts_use_the_language_of_the_request()
    {
        var to = TestUser.New();
        using var body = System.Net.Http.Json.JsonContent.Create(
            new { otpCreateParams = new { charSetNumeric = true }, otpEmailCreateParams = Mail(to) });

        (await v2.Host.NewApiClient()
            .SendAsync(
                HttpMethod.Post, "/api/v2/otp-email/create", body, ("X-API-KEY", V2Portal.AdminKey),
                ("Accept-Language", "de"))).Status.ShouldBe(201);

        (await MessageAsync(to)).GetProperty("text").GetString()!.ShouldContain("Ihr Code:");
    }

    [Fact]
    public async Task Sends_per_address_are_limited()
    {
        var app = await v2.NewAccountAsync();
        var to = TestUser.New();
        var answers = new List<Answer>();
        for (var i = 0; i < 6; i++)
            answers.Add(
                await app.PostAsync(
                    "otp-email/create", new { otpCreateParams = new { charSetNumeric = true }, otpEmailCreateParams = Mail(to) }));

        answers.Select(answer => answer.Status).ShouldBe([201, 201, 201, 201, 201, 429]);
        ServiceAccountTests.ShouldBeFailure(answers[5], 429);
        answers[5].RetryAfter.ShouldBeInRange(890, 900);
    }

    [Fact]
    public async Task The_recipient_name_cannot_add_another_recipient()
    {
        await using var postmark = await RecordingServer.StartAsync();
        postmark.Answer = _ => (200, """{"ErrorCode":0}""");
        await using var portal = await PortalHost.StartWithAsync(
            null, postmark.Address, V2Portal.Setting, ("MAIL_TRANSPORT", "postmark"), ("POSTMARK_SERVER_TOKEN", "token"),
            ("POSTMARK_API_URL", postmark.Address.ToString()));

        var answer = await new V2Client(portal, V2Portal.AdminKey).PostAsync("otp-email/create", new
        {
            otpCreateParams = new { charSetNumeric = true },
            otpEmailCreateParams = Mail("jane@example.com", ("toName", "Jane \"Doe\\\" <evil@example.com>, \"x")),
        });

        answer.Status.ShouldBe(201, answer.Body);
        JsonDocument.Parse(postmark.Requests.ShouldHaveSingleItem().Body).RootElement.GetProperty("To").GetString()
            .ShouldBe("\"Jane Doe <evil@example.com>, x\" <jane@example.com>");
    }

    [Fact]
    public async Task Returns_502_and_stores_nothing_when_the_provider_rejects_the_email()
    {
        await using var postmark = await RecordingServer.StartAsync();
        postmark.Answer = _ => (422, """{"ErrorCode":406,"Message":"secret words of the provider"}""");
        await using var portal = await PortalHost.StartWithAsync(
            null, postmark.Address, V2Portal.Setting, ("MAIL_TRANSPORT", "postmark"), ("POSTMARK_SERVER_TOKEN", "token"),
            ("POSTMARK_API_URL", postmark.Address.ToString()));
        var app = new V2Client(portal, V2Portal.AdminKey);

        var code = await app.PostAsync(
            "otp-email/create", new { otpCreateParams = new { charSetNumeric = true }, otpEmailCreateParams = Mail(TestUser.New()) });
        var link = await app.PostAsync(
            "magic-link-email/create",
            new
            {
                magicLinkCreateParams = new { redirectURL = "https://shop.example/" },
                magicLinkEmailCreateParams = Mail(TestUser.New()),
            });

        ServiceAccountTests.ShouldBeFailure(code, 502);
        ServiceAccountTests.ShouldBeFailure(link, 502);
        code.Body.ShouldNotContain("secret words");
        portal.Dump().Keys.ShouldNotContain(
            key => key.StartsWith("code:{v2:", StringComparison.Ordinal) || key.StartsWith("link:", StringComparison.Ordinal));
    }
}
