using System.Text.Json;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.MagicLinks;

/// <summary>Codes and links by email, in the words of the account.</summary>
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
        (await v2.Host.NewProgram().GetAsync("/dev/mailbox.json")).Json.EnumerateArray()
            .First(message => message.GetProperty("to").GetString() == to);

    [Fact]
    public async Task A_code_is_mailed_in_the_accounts_words_which_are_no_markup()
    {
        var app = await v2.NewAccountAsync();
        var to = Someone.New();

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
    public async Task A_link_is_mailed_with_the_accounts_button()
    {
        var app = await v2.NewAccountAsync();
        var to = Someone.New();

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
    public async Task A_link_and_a_code_come_in_one_mail_when_both_are_asked_for()
    {
        var app = await v2.NewAccountAsync();
        var to = Someone.New();

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
    public async Task Our_words_around_it_follow_the_language_of_the_request()
    {
        var to = Someone.New();
        using var body = System.Net.Http.Json.JsonContent.Create(
            new { otpCreateParams = new { charSetNumeric = true }, otpEmailCreateParams = Mail(to) });

        (await v2.Host.NewProgram()
            .SendAsync(
                HttpMethod.Post, "/api/v2/otp-email/create", body, ("X-API-KEY", V2Portal.AdminKey),
                ("Accept-Language", "de"))).Status.ShouldBe(201);

        (await MessageAsync(to)).GetProperty("text").GetString()!.ShouldContain("Ihr Code:");
    }

    [Fact]
    public async Task One_address_is_not_written_to_without_end()
    {
        var app = await v2.NewAccountAsync();
        var to = Someone.New();
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
    public async Task The_recipients_name_stands_beside_the_address_and_brings_no_other_one()
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
    public async Task Where_nobody_takes_the_mail_the_answer_says_so_and_nothing_is_left()
    {
        await using var postmark = await RecordingServer.StartAsync();
        postmark.Answer = _ => (422, """{"ErrorCode":406,"Message":"secret words of the provider"}""");
        await using var portal = await PortalHost.StartWithAsync(
            null, postmark.Address, V2Portal.Setting, ("MAIL_TRANSPORT", "postmark"), ("POSTMARK_SERVER_TOKEN", "token"),
            ("POSTMARK_API_URL", postmark.Address.ToString()));
        var app = new V2Client(portal, V2Portal.AdminKey);

        var code = await app.PostAsync(
            "otp-email/create", new { otpCreateParams = new { charSetNumeric = true }, otpEmailCreateParams = Mail(Someone.New()) });
        var link = await app.PostAsync(
            "magic-link-email/create",
            new
            {
                magicLinkCreateParams = new { redirectURL = "https://shop.example/" },
                magicLinkEmailCreateParams = Mail(Someone.New()),
            });

        ServiceAccountTests.ShouldBeFailure(code, 502);
        ServiceAccountTests.ShouldBeFailure(link, 502);
        code.Body.ShouldNotContain("secret words");
        portal.Dump().Keys.ShouldNotContain(
            key => key.StartsWith("code:v2:", StringComparison.Ordinal) || key.StartsWith("link:", StringComparison.Ordinal));
    }
}
