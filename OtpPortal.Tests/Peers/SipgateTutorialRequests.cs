using System.Text;
using System.Text.Json;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Peers;

/// <summary>Tests the steps of the sipgate tutorial on two-factor authentication.</summary>
public sealed class SipgateTutorialRequests : IDisposable
{
    /// <summary>The <c>database.json</c> of the tutorial.</summary>
    private const string Database = """[{ "mail": "test@example.com", "phonenumber": "+4912345678901234" }]""";

    /// <summary>The same file with an additional user whose number is valid.</summary>
    private const string Users = """
        [{ "mail": "test@example.com", "phonenumber": "+4912345678901234" }, { "mail": "ann@example.com", "phonenumber": "+4915123456789" }]
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private (string, string) UsersFile(string users)
    {
        var path = Path.Combine(_folder.Path, "database.json");
        File.WriteAllText(path, users);
        return ("USERS_FILE", path);
    }

    private static async Task<List<string>> RecipientsAsync(PortalHost portal) =>
        [.. (await portal.NewApiClient().GetAsync("/dev/mailbox.json")).Json.EnumerateArray()
            .Select(message => message.GetProperty("to").GetString()!)];

    [Fact]
    public async Task The_database_json_of_the_tutorial_works_unchanged()
    {
        await using var portal = await PortalHost.StartAsync(UsersFile(Database));
        var browser = portal.NewBrowser();

        (await browser.GetAsync("/")).Find("input[name=channel]").ShouldBeNull("no SMS provider is configured");
        await portal.SignInAsync("test@example.com", browser);
    }

    [Fact]
    public async Task Login_sends_the_token_by_SMS_through_the_sipgate_API()
    {
        await using var sipgate = await RecordingServer.StartAsync();
        sipgate.Answer = _ => (204, "");
        await using var portal = await PortalHost.StartWithAsync(
            null, sipgate.Address, UsersFile(Users), ("SMS_PROVIDERS", "sipgate_sms"), ("SMS_COUNTRIES", "DE"),
            ("SIPGATE_USERNAME", "user@example.com"), ("SIPGATE_PASSWORD", "secret"),
            ("SIPGATE_API_URL", sipgate.Address.ToString()));
        var browser = portal.NewBrowser();

        (await browser.PostAsync("/login", ("email", "ann@example.com"))).Location.ShouldBe("/login/code");
        await Eventually.BeTrueAsync(() => sipgate.Requests.Count > 0);

        var request = sipgate.Requests.ShouldHaveSingleItem();
        (request.Method, request.Path).ShouldBe(("POST", "/sessions/sms"));
        request.Headers["Authorization"].ShouldBe("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("user@example.com:secret")));
        var body = JsonDocument.Parse(request.Body).RootElement;
        body.EnumerateObject().Select(field => field.Name).ShouldBe(["smsId", "recipient", "message"], ignoreOrder: true);
        body.GetProperty("smsId").GetString().ShouldBe("s0");
        body.GetProperty("recipient").GetString().ShouldBe("+4915123456789");
        var message = body.GetProperty("message").GetString()!;
        // The verify step ignores surrounding whitespace and redirects.
        (await browser.PostAsync("/login-otp", ("code", $" {message[(message.LastIndexOf('#') + 1)..]} "))).Location.ShouldBe("/");
        browser.Cookies.ShouldContainKey("auth_token");
    }

    [Fact]
    public async Task Verify_refuses_a_token_after_5_minutes()
    {
        await using var portal = await PortalHost.StartAsync(UsersFile(Database));
        var program = portal.NewApiClient();
        await program.PostAsync("/login", ("email", "test@example.com"));
        var code = await portal.CodeForAsync("test@example.com");
        portal.Clock.Advance(TimeSpan.FromMinutes(5));

        (await program.PostAsync("/login-otp", ("code", code))).Status.ShouldBe(410);
    }

    // Intentional differences, in the order of docs/migrating.md.

    [Fact]
    public async Task Login_reads_the_email_field_and_ignores_the_password()
    {
        await using var portal = await PortalHost.StartAsync(UsersFile(Database));

        (await portal.NewApiClient().PostAsync("/login", ("mail", "test@example.com"), ("password", "x"))).Status.ShouldBe(400);
        (await portal.NewApiClient().PostAsync("/login", ("email", "test@example.com"))).Status.ShouldBe(202);
    }

    [Fact]
    public async Task Login_does_not_reveal_who_is_in_the_directory()
    {
        await using var portal = await PortalHost.StartAsync(UsersFile(Database));

        var known = await portal.NewBrowser().PostAsync("/login", ("email", "test@example.com"));
        var unknown = await portal.NewBrowser().PostAsync("/login", ("email", "mia@example.com"));

        (unknown.Status, unknown.Location).ShouldBe((known.Status, known.Location));
        known.Location.ShouldBe("/login/code", "no address is in a URL");
    }

    [Fact]
    public async Task A_token_is_bound_to_the_browser_and_has_five_attempts()
    {
        await using var portal = await PortalHost.StartAsync(UsersFile(Database));
        var program = portal.NewApiClient();
        await program.PostAsync("/login", ("email", "test@example.com"));
        var code = await portal.CodeForAsync("test@example.com");

        (await portal.NewApiClient().PostAsync("/login-otp", ("email", "test@example.com"), ("code", code))).Status.ShouldBe(410);
        for (var i = 0; i < 5; i++) await program.PostAsync("/login-otp", ("code", code == "000000" ? "000001" : "000000"));
        (await program.PostAsync("/login-otp", ("code", code))).Status.ShouldBe(429);
    }

    [Fact]
    public async Task No_SMS_is_sent_without_SMS_COUNTRIES()
    {
        await using var portal = await PortalHost.StartAsync(UsersFile(Users), ("SMS_PROVIDERS", "mailbox"));
        await portal.NewApiClient().PostAsync("/login", ("email", "ann@example.com"), ("channel", "sms"));
        // Messages are delivered in order, so an earlier one would have arrived by now.
        await portal.NewApiClient().PostAsync("/login", ("email", "test@example.com"), ("channel", "email"));
        await portal.CodeForAsync("test@example.com");

        (await RecipientsAsync(portal)).ShouldBe(["test@example.com"]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_reserved_number_gets_no_SMS_and_the_same_pages(bool isProduction)
    {
        (string, string)[] settings = [UsersFile(Users), ("SMS_PROVIDERS", "mailbox"), ("SMS_COUNTRIES", "DE")];
        await using var portal = isProduction ? await PortalHost.StartInProductionAsync(settings) : await PortalHost.StartAsync(settings);
        var (reserved, other) = (portal.NewBrowser(), portal.NewBrowser());

        var first = await reserved.PostAsync("/login", ("email", "test@example.com"), ("channel", "sms"));
        var second = await other.PostAsync("/login", ("email", "ann@example.com"), ("channel", "sms"));

        (first.Status, first.Location).ShouldBe((second.Status, second.Location));
        await Eventually.BeTrueAsync(async () => (await RecipientsAsync(portal)).Count > 0);
        static string Plain(Answer page, string address) =>
            System.Text.RegularExpressions.Regex.Replace(page.Text.Replace(address, "ADDRESS", StringComparison.Ordinal), "[0-9]+", "N");
        // A decoy send takes as long as a real one.
        await portal.Clock.AdvanceUntilAsync(
            async () => Plain(await reserved.GetAsync("/login/code"), "test@example.com")
                == Plain(await other.GetAsync("/login/code"), "ann@example.com"),
            TimeSpan.FromSeconds(1));
        (await RecipientsAsync(portal)).ShouldBe(["+4915123456789"]);
    }
}
