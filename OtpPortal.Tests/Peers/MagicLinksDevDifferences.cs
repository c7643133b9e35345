using OtpPortal.Tests.Infrastructure;
using OtpPortal.Tests.MagicLinks;

namespace OtpPortal.Tests.Peers;

/// <summary>Tests the intentional differences from magiclinksdev, in the order of docs/migrating.md.</summary>
public sealed class MagicLinksDevDifferences(V2Portal v2) : IClassFixture<V2Portal>
{
    private static object Link(string url) => new { magicLinkCreateParams = new { redirectURL = url } };

    private static object Mail(string to, string subject = "Your login", string toName = "", string logo = "") => new
    {
        otpCreateParams = new { charSetNumeric = true },
        otpEmailCreateParams = new { toEmail = to, toName, serviceName = "app.example.com", subject, title = subject, logoImageURL = logo },
    };

    private static StringContent Json(string body) => new(body, System.Text.Encoding.UTF8, "application/json");

    [Fact]
    public async Task Opening_a_link_shows_a_page_whose_button_redirects()
    {
        var (link, secret) = await v2.Admin.NewLinkAsync(new { redirectURL = "https://app.example.com/" });
        var browser = v2.Host.NewBrowser();

        var page = await browser.GetAsync(new Uri(link).PathAndQuery);

        (page.Status, page.Location).ShouldBe((200, null));
        (await browser.PostAsync("/magic-link", ("secret", secret))).Location!.ShouldStartWith("https://app.example.com/?jwt=");
    }

    [Fact]
    public async Task A_link_has_its_own_path_and_a_secret_of_32_alphanumeric_characters()
    {
        var (link, secret) = await v2.Admin.NewLinkAsync(new { redirectURL = "https://app.example.com/" });

        secret.ShouldMatch("^[A-Za-z0-9]{32}$");
        new Uri(link).PathAndQuery.ShouldBe("/magic-link?secret=" + secret);
    }

    [Fact]
    public async Task A_link_must_match_the_redirectHosts_of_its_account() =>
        (await (await v2.NewAccountAsync("app.example.com")).PostAsync("magic-link/create", Link("https://other.example.com/")))
            .Status.ShouldBe(400);

    [Fact]
    public async Task The_JWT_replaces_a_parameter_of_the_same_name_and_keeps_the_fragment()
    {
        var (_, secret) = await v2.Admin.NewLinkAsync(new { redirectURL = "https://app.example.com/?jwt=old&b=2&a=1#top" });

        var location = (await v2.Host.NewBrowser().PostAsync("/magic-link", ("secret", secret))).Location!;

        location.ShouldStartWith("https://app.example.com/?b=2&a=1&jwt=ey");
        location.ShouldEndWith("#top");
    }

    [Theory]
    [InlineData("https://app.example.com\\\\@evil.example/")]
    [InlineData("https://one@two@app.example.com/")]
    [InlineData("https://app.example.com:/")]
    [InlineData("https:///in")]
    public async Task An_ambiguous_redirectURL_is_rejected(string url) =>
        (await v2.Admin.SendAsync("magic-link/create", Json($$$"""{"magicLinkCreateParams":{"redirectURL":"{{{url}}}"}}""")))
            .Status.ShouldBe(400);

    [Fact]
    public async Task A_code_is_valid_for_at_most_one_hour()
    {
        await using var portal = await PortalHost.StartAsync(V2Portal.Setting);
        var app = new V2Client(portal, V2Portal.AdminKey);
        var (id, otp) = await app.NewOtpAsync(new { charSetNumeric = true, lifespanSeconds = 86400 });
        portal.Clock.Advance(TimeSpan.FromHours(1));

        (await app.ValidateAsync(id, otp)).Status.ShouldBe(400);
    }

    [Fact]
    public async Task A_code_has_five_attempts_and_a_short_one_fewer()
    {
        foreach (var (length, tries) in new[] { (6, 5), (2, 1) })
        {
            var (id, otp) = await v2.Admin.NewOtpAsync(new { charSetNumeric = true, length });
            for (var i = 0; i < tries; i++) (await v2.Admin.ValidateAsync(id, "x")).Status.ShouldBe(400);

            (await v2.Admin.ValidateAsync(id, otp)).Status.ShouldBe(400);
        }
    }

    [Fact]
    public async Task An_address_gets_at_most_five_emails_in_15_minutes()
    {
        var to = TestUser.New();
        for (var i = 0; i < 5; i++) (await v2.Admin.PostAsync("otp-email/create", Mail(to))).Status.ShouldBe(201);

        (await v2.Admin.PostAsync("otp-email/create", Mail(to))).Status.ShouldBe(429);
    }

    [Fact]
    public async Task An_email_rejected_by_the_provider_returns_502_and_stores_no_code()
    {
        await using var postmark = await RecordingServer.StartAsync();
        postmark.Answer = _ => (422, """{"ErrorCode":406,"Message":"inactive"}""");
        await using var portal = await PortalHost.StartWithAsync(
            null, postmark.Address, V2Portal.Setting, ("MAIL_TRANSPORT", "postmark"), ("POSTMARK_SERVER_TOKEN", "token"),
            ("POSTMARK_API_URL", postmark.Address.ToString()));

        (await new V2Client(portal, V2Portal.AdminKey).PostAsync("otp-email/create", Mail(TestUser.New()))).Status.ShouldBe(502);

        portal.Dump().Keys.ShouldNotContain(key => key.StartsWith("code:{v2:", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Claims_in_a_base64_string_are_added_to_the_JWT()
    {
        var answer = await v2.Admin.SendAsync("jwt/create", Json("""{"jwtCreateParams":{"claims":"eyJmb28iOiJiYXIifQ=="}}"""));

        V2Client.Part(answer.Json.GetProperty("jwtCreateResults").GetProperty("jwt").GetString()!, 1).GetProperty("foo").GetString()
            .ShouldBe("bar");
    }

    [Theory]
    [InlineData("5")]
    [InlineData("true")]
    [InlineData("\"text\"")]
    [InlineData("{\"SUB\":\"ann\"}")]
    public async Task Claims_that_are_not_an_object_or_use_registered_names_are_rejected(string claims) =>
        (await v2.Admin.SendAsync("jwt/create", Json($$$"""{"jwtCreateParams":{"claims":{{{claims}}}}}"""))).Status.ShouldBe(400);

    [Fact]
    public async Task An_expired_JWT_returns_422()
    {
        await using var portal = await PortalHost.StartAsync(V2Portal.Setting);
        var app = new V2Client(portal, V2Portal.AdminKey);
        var jwt = await app.NewJwtAsync(new { lifespanSeconds = 5 });
        portal.Clock.Advance(TimeSpan.FromSeconds(5));

        (await app.ValidateJwtAsync(jwt)).Status.ShouldBe(422);
    }

    [Theory]
    [InlineData("\"quoted part\"@example.com")]
    [InlineData("ann(comment)@example.com")]
    [InlineData("ann@[192.0.2.1]")]
    [InlineData("ann@mailhost")]
    public async Task Unusual_address_formats_are_rejected(string to) =>
        (await v2.Admin.PostAsync("otp-email/create", Mail(to))).Status.ShouldBe(400);

    [Fact]
    public async Task Control_characters_in_single_line_fields_are_rejected()
    {
        (await v2.Admin.PostAsync("otp-email/create", Mail(TestUser.New(), subject: "Your\nlogin"))).Status.ShouldBe(400);
        (await v2.Admin.PostAsync("otp-email/create", Mail(TestUser.New(), toName: "Ann\tDoe"))).Status.ShouldBe(400);
    }

    [Fact]
    public async Task A_logo_URL_with_a_user_name_is_rejected() =>
        (await v2.Admin.PostAsync("otp-email/create", Mail(TestUser.New(), logo: "https://user@app.example.com/logo.png")))
            .Status.ShouldBe(400);

    [Fact]
    public async Task Bodies_over_64_KB_and_duplicate_fields_are_rejected()
    {
        (await v2.Admin.SendAsync("otp/create", Json(new string(' ', 65_536) + "{}"))).Status.ShouldBe(413);
        (await v2.Admin.SendAsync("otp/create", Json("""{"otpCreateParams":{"length":6,"length":8}}"""))).Status.ShouldBe(400);
    }
}
