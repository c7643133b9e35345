using OtpPortal.Configuration;
using OtpPortal.Tests.Gateway;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.SignIn;

/// <summary>Tests <c>USERS_FILE</c>: users of the directory get the code by SMS.</summary>
public sealed class SecondFactorTests : IDisposable
{
    private const string Users = """
        [
          { "mail": "Ann@Example.com", "phonenumber": "+49 151 23456789" },
          { "mail": "ben@example.com" },
          { "mail": "eve@example.com", "phonenumber": "+33 6 12 34 56 78" }
        ]
        """;

    private const string AnnsPhone = "+4915123456789";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Write(string users)
    {
        var path = Path.Combine(_folder.Path, "users.json");
        File.WriteAllText(path, users);
        return path;
    }

    private Task<PortalHost> StartAsync(params (string Name, string Value)[] settings) =>
        PortalHost.StartAsync([("USERS_FILE", Write(Users)), ("SMS_PROVIDERS", "mailbox"), ("SMS_COUNTRIES", "DE"), .. settings]);

    private static async Task<IReadOnlyList<(string To, string Text, string Html)>> MessagesAsync(PortalHost portal) =>
        [.. (await portal.NewApiClient().GetAsync("/dev/mailbox.json")).Json.EnumerateArray()
            .Select(
                message =>
                    (message.GetProperty("to").GetString()!, message.GetProperty("text").GetString()!, message.GetProperty("html")
                        .GetString()!))];

    private static async Task<string> SmsAsync(PortalHost portal, string number)
    {
        await Eventually.BeTrueAsync(async () => (await MessagesAsync(portal)).Any(message => message.To == number));
        return (await MessagesAsync(portal)).First(message => message.To == number).Text;
    }

    private static string CodeIn(string sms) => sms[(sms.LastIndexOf('#') + 1)..];

    [Fact]
    public async Task A_code_sent_by_SMS_signs_in_the_email_address()
    {
        await using var portal = await StartAsync(("PUBLIC_URL", "https://login.example.com"));
        var browser = portal.NewBrowser();

        (await browser.PostAsync("/login", ("email", "ann@example.com"), ("channel", "sms"))).Location.ShouldBe("/login/code");
        var sms = await SmsAsync(portal, AnnsPhone);
        (await browser.GetAsync("/login/code")).Text.ShouldContain("we sent by SMS to the phone number on file for ann@example.com.");
        await browser.PostAsync("/login-otp", ("code", CodeIn(sms)));

        sms.Split('\n')[^1].ShouldMatch("^@login\\.example\\.com #[0-9]{6}$",
            "the last line is for this site alone, or phones fill the code in elsewhere");
        (await browser.GetAsync("/")).Text.ShouldContain("Signed in ann@example.com");
        (await MessagesAsync(portal))
            .ShouldNotContain(message => message.To == "ann@example.com" && message.Text.Contains(CodeIn(sms), StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_default_channel_is_SMS_for_users_with_a_number_and_email_otherwise()
    {
        await using var portal = await StartAsync();

        await portal.NewApiClient().PostAsync("/login", ("email", "ann@example.com"));
        await portal.NewApiClient().PostAsync("/login", ("email", "ben@example.com"));

        await SmsAsync(portal, AnnsPhone);
        (await portal.CodeForAsync("ben@example.com")).ShouldMatch("^[0-9]{6}$");
    }

    [Fact]
    public async Task A_user_with_a_number_can_choose_email()
    {
        await using var portal = await StartAsync();
        var browser = portal.NewBrowser();
        var page = await browser.GetAsync("/");
        page.Page.QuerySelectorAll("input[name=channel]").Select(choice => choice.GetAttribute("value")).ShouldBe(["sms", "email"]);

        await browser.PostAsync("/login", ("email", "ann@example.com"), ("channel", "email"));
        var code = await portal.CodeForAsync("ann@example.com");
        await browser.PostAsync("/login-otp", ("code", code));

        (await browser.GetAsync("/")).Text.ShouldContain("Signed in ann@example.com");
        (await MessagesAsync(portal)).ShouldNotContain(message => message.To == AnnsPhone);
    }

    [Theory]
    [InlineData("sms")]
    [InlineData("email")]
    public async Task An_address_outside_the_directory_gets_identical_responses_and_no_message(string channel)
    {
        await using var portal = await StartAsync();
        var (known, unknown) = (portal.NewBrowser(), portal.NewBrowser());

        var answers = new[]
        {
            await known.PostAsync("/login", ("email", "ann@example.com"), ("channel", channel)),
            await unknown.PostAsync("/login", ("email", "mia@example.com"), ("channel", channel)),
        };
        await Eventually.BeTrueAsync(async () => (await MessagesAsync(portal)).Count > 0);
        await portal.Clock.AdvanceUntilAsync(
            () => unknown.GetAsync("/login/code").Result.Text.Contains("Sent.", StringComparison.Ordinal), TimeSpan.FromSeconds(1));

        answers[1].Status.ShouldBe(answers[0].Status);
        answers[1].Location.ShouldBe(answers[0].Location);
        static string Plain(Answer page, string address) =>
            System.Text.RegularExpressions.Regex.Replace(page.Text.Replace(address, "ADDRESS", StringComparison.Ordinal), "[0-9]+", "N");
        Plain(await unknown.GetAsync("/login/code"), "mia@example.com")
            .ShouldBe(Plain(await known.GetAsync("/login/code"), "ann@example.com"));
        (await MessagesAsync(portal)).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task A_number_in_an_unsupported_country_looks_like_a_success_but_gets_no_SMS()
    {
        await using var portal = await StartAsync();
        var browser = portal.NewBrowser();

        await browser.PostAsync("/login", ("email", "eve@example.com"), ("channel", "sms"));

        await Eventually.BeTrueAsync(() => portal.Log.Text.Contains("SMS_COUNTRIES blocked an SMS", StringComparison.Ordinal));
        portal.Clock.Advance(TimeSpan.FromSeconds(2));
        (await browser.GetAsync("/login/code")).Text.ShouldContain("Sent.");
        (await MessagesAsync(portal)).ShouldBeEmpty();
    }

    [Fact]
    public async Task The_send_limit_of_a_phone_number_is_enforced_without_revealing_it()
    {
        await using var portal = await StartAsync(("NAMESPACES", "MyApp:secret"), ("LIMIT_SENDS_PER_ADDRESS", "2/900"));
        var app = new GatewayClient(portal, "MyApp", "secret");
        foreach (var _ in (int[])[1, 2])
        {
            (await app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("to", AnnsPhone))).Status.ShouldBe(200);
        }
        var answers = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (var email in (string[])["ann@example.com", "mia@example.com", "ben@example.com"])
        {
            answers[email] = [];
            foreach (var _ in (int[])[1, 2, 3])
            {
                var browser = portal.NewBrowser();
                var answer = await browser.PostAsync("/login", ("email", email), ("channel", "sms"));
                var page = await browser.GetAsync("/login/code");
                answers[email].Add($"{answer.Status} {answer.Location} {page.Find(".portal-progress")?.OuterHtml}");
            }
        }

        answers["mia@example.com"].ShouldBe(answers["ann@example.com"], "mia is not in the directory");
        answers["ben@example.com"].ShouldBe(answers["ann@example.com"], "ben has no number");
        answers["ann@example.com"].Select(answer => answer[..3]).ShouldBe(["303", "303", "429"]);
        await Eventually.BeTrueAsync(async () => (await MessagesAsync(portal)).Count(message => message.To == "ben@example.com") == 2);
        (await MessagesAsync(portal)).Count(message => message.To == AnnsPhone).ShouldBe(2, "only those of the gateway");
    }

    [Fact]
    public async Task A_resend_uses_the_same_channel()
    {
        await using var portal = await StartAsync();
        var browser = portal.NewBrowser();
        await browser.PostAsync("/login", ("email", "ann@example.com"), ("channel", "sms"));
        var first = await SmsAsync(portal, AnnsPhone);
        portal.Clock.Advance(TimeSpan.FromSeconds(30));

        (await browser.PostAsync("/login/resend")).Status.ShouldBe(303);

        await Eventually.BeTrueAsync(async () => (await MessagesAsync(portal)).Count(message => message.To == AnnsPhone) == 2);
        (await MessagesAsync(portal)).ShouldAllBe(message => message.To == AnnsPhone && message.Html.Length == 0);
        await browser.PostAsync("/login-otp", ("code", CodeIn(first)));
        browser.Cookies.ShouldContainKey("auth_token", "the first one stays valid");
    }

    [Fact]
    public async Task No_channel_is_offered_without_a_directory()
    {
        await using var portal = await PortalHost.StartAsync();
        var browser = portal.NewBrowser();

        (await browser.GetAsync("/")).Find("input[name=channel]").ShouldBeNull();

        await browser.PostAsync("/login", ("email", "ann@example.com"), ("channel", "sms"));
        (await portal.CodeForAsync("ann@example.com")).ShouldMatch("^[0-9]{6}$");
    }

    [Theory]
    [InlineData("no json", "USERS_FILE")]
    [InlineData("[{\"mail\":\"nonsense\",\"phonenumber\":\"+4915123456789\"}]", "USERS_FILE, entry 1: mail")]
    [InlineData("[{\"mail\":\"a@example.com\"},{\"mail\":\"A@example.com\"}]", "USERS_FILE, entry 2")]
    [InlineData("[{\"mail\":\"a@example.com\",\"phonenumber\":\"12\"}]", "USERS_FILE, entry 1: phonenumber")]
    [InlineData("[null]", "USERS_FILE, entry 1: mail")]
    public void An_invalid_directory_file_prevents_startup(string users, string named) =>
        ErrorsFor(("USERS_FILE", Write(users)), ("SMS_PROVIDERS", "mailbox")).ShouldHaveSingleItem().ShouldContain(named);

    [Fact]
    public void A_missing_directory_file_prevents_startup() =>
        ErrorsFor(("USERS_FILE", Path.Combine(_folder.Path, "missing.json"))).ShouldHaveSingleItem().ShouldContain("USERS_FILE");

    [Fact]
    public void A_directory_with_phone_numbers_requires_SMS_PROVIDERS() =>
        ErrorsFor(("USERS_FILE", Write(Users))).ShouldHaveSingleItem().ShouldContain("SMS_PROVIDERS");

    private static IReadOnlyList<string> ErrorsFor(params (string Name, string Value)[] settings)
    {
        var values = settings.ToDictionary(setting => setting.Name, setting => setting.Value, StringComparer.Ordinal);
        values["AUTH_SECRET_KEY"] = PortalHost.Secret;
        return Should.Throw<SettingsException>(() => AllSettings.Read(values, isProduction: false)).Errors;
    }
}
