using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Configuration;
using OtpPortal.Storage;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Peers;

/// <summary>Tests the intentional differences from the Flask portal, in the order of docs/migrating.md.</summary>
public sealed class FlaskPortalDifferences(PortalHost portal) : IClassFixture<PortalHost>
{
    private async Task<(BrowserClient Program, string Email, string Code)> BeginAsync(string? email = null)
    {
        var program = portal.NewApiClient();
        email ??= TestUser.New();
        var before = (await portal.CodesAsync(email)).Count;
        (await program.PostAsync("/login", ("email", email))).Status.ShouldBe(202);
        return (program, email, (await portal.CodesForAsync(email, before + 1))[^1]);
    }

    private static string WrongCode(string code) => code[..^1] + (char)('0' + ((code[^1] - '0' + 1) % 10));

    private static IReadOnlyList<string> ErrorsFor(bool isProduction, params (string Name, string Value)[] settings)
    {
        var values = settings.ToDictionary(setting => setting.Name, setting => setting.Value, StringComparer.Ordinal);
        values["AUTH_SECRET_KEY"] = PortalHost.Secret;
        return Should.Throw<SettingsException>(() =>
            AllSettings.Read(values, isProduction, Path.GetTempPath())).Errors;
    }

    [Fact]
    public async Task A_code_signs_in_only_the_client_that_requested_it()
    {
        var (program, email, code) = await BeginAsync();

        (await portal.NewApiClient().PostAsync("/login-otp", ("email", email), ("code", code))).Status.ShouldBe(410);
        (await program.PostAsync("/login-otp", ("email", email), ("code", code))).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Forms_get_redirects_and_API_clients_get_JSON_instead_of_HTML_fragments()
    {
        var browser = portal.NewBrowser();

        var login = await browser.PostAsync("/login", ("email", TestUser.New()));
        var wrong = await browser.PostAsync("/login-otp", ("code", "000000"));

        (login.Status, login.Location, login.Body).ShouldBe((303, "/login/code", ""));
        (wrong.Status, wrong.Location, wrong.Body).ShouldBe((303, "/login/code", ""));
        (await portal.NewApiClient().PostAsync("/login", ("email", TestUser.New()))).Json.GetProperty("flow").GetString().ShouldNotBeNull();
    }

    [Fact]
    public async Task Wrong_and_expired_codes_have_distinct_status_codes()
    {
        var (program, _, code) = await BeginAsync();

        (await program.PostAsync("/login-otp", ("code", WrongCode(code)))).Status.ShouldBe(401);
        portal.Clock.Advance(TimeSpan.FromSeconds(300));
        (await program.PostAsync("/login-otp", ("code", code))).Status.ShouldBe(410);
    }

    [Fact]
    public async Task The_sign_in_ends_after_five_wrong_codes()
    {
        var (program, _, code) = await BeginAsync();

        for (var i = 0; i < 5; i++) (await program.PostAsync("/login-otp", ("code", WrongCode(code)))).Status.ShouldBe(401);

        (await program.PostAsync("/login-otp", ("code", code))).Status.ShouldBe(429);
    }

    [Fact]
    public async Task A_code_can_be_used_only_once()
    {
        var (program, _, code) = await BeginAsync();
        var flow = program.Cookies["otp_flow"];

        (await program.PostAsync("/login-otp", ("flow", flow), ("code", code))).Status.ShouldBe(200);

        (await program.PostAsync("/login-otp", ("flow", flow), ("code", code))).Status.ShouldBe(410);
    }

    [Fact]
    public async Task A_second_sign_in_for_an_address_keeps_the_first_code_valid()
    {
        var (first, email, code) = await BeginAsync();
        var (second, _, other) = await BeginAsync(email);

        (await second.PostAsync("/login-otp", ("code", other))).Status.ShouldBe(200);
        (await first.PostAsync("/login-otp", ("code", code))).Status.ShouldBe(200);
    }

    [Fact]
    public async Task An_address_gets_at_most_five_codes_in_15_minutes()
    {
        var email = TestUser.New();
        for (var i = 0; i < 5; i++) await BeginAsync(email);

        var answer = await portal.NewApiClient().PostAsync("/login", ("email", email));

        answer.Status.ShouldBe(429);
        answer.RetryAfter.ShouldBeInRange(1, 900);
    }

    [Fact]
    public async Task The_session_cookie_is_http_only_and_SameSite_Lax()
    {
        var (program, _, code) = await BeginAsync();

        var cookie = (await program.PostAsync("/login-otp", ("code", code))).Cookie("auth_token").ShouldNotBeNull();

        cookie.Has("httponly").ShouldBeTrue();
        cookie.Attributes["samesite"].ShouldBe("lax", StringCompareShould.IgnoreCase);
    }

    [Fact]
    public async Task A_cross_origin_form_submission_is_refused()
    {
        var browser = portal.NewBrowser();
        browser.Headers["Origin"] = "https://app.example.com";

        (await browser.PostAsync("/login", ("email", TestUser.New()))).Status.ShouldBe(403);
    }

    [Fact]
    public async Task A_token_rotates_at_most_once_a_minute_and_stays_valid_for_two_minutes()
    {
        var token = (await portal.SignInAsync(TestUser.New())).Cookies["auth_token"];
        async Task<Answer> CheckAsync(string bearer) =>
            await portal.NewApiClient().GetAsync("/check-auth", ("Authorization", "Bearer " + bearer));

        var successor = (await CheckAsync(token)).Json.GetProperty("auth_token").GetString()!;

        (await CheckAsync(token)).Json.GetProperty("auth_token").GetString().ShouldBe(successor);
        (await CheckAsync(successor)).Json.GetProperty("auth_token").GetString().ShouldBe(successor);
        portal.Clock.Advance(TimeSpan.FromSeconds(121));
        (await CheckAsync(token)).Status.ShouldBe(403);
    }

    [Fact]
    public async Task A_session_expires_after_30_days_despite_use()
    {
        var browser = await portal.SignInAsync(TestUser.New());
        for (var day = 6; day < 30; day += 6)
        {
            portal.Clock.Advance(TimeSpan.FromDays(6));
            (await browser.GetAsync("/check-auth")).Status.ShouldBe(200);
        }

        portal.Clock.Advance(TimeSpan.FromDays(6));

        (await browser.GetAsync("/check-auth")).Status.ShouldBe(403);
    }

    [Fact]
    public async Task Tokens_stored_in_Redis_by_the_Flask_portal_are_invalid()
    {
        const string Token = "vr0dvx8tRLy8WEQsD4XAV6PSVYR7GgeY";
        await portal.Services.GetRequiredService<Stores>().Auth.Database.StringSetAsync(Token, "ann@example.com", TimeSpan.FromDays(7));

        (await portal.NewApiClient().GetAsync("/check-auth", ("Authorization", "Bearer " + Token))).Status.ShouldBe(403);
    }

    [Fact]
    public async Task An_address_is_stored_in_lower_case()
    {
        var email = TestUser.New();
        var program = portal.NewApiClient();
        await program.PostAsync("/login", ("email", email.ToUpperInvariant()));

        (await program.PostAsync("/login-otp", ("code", await portal.CodeForAsync(email)))).Json.GetProperty("email").GetString()
            .ShouldBe(email);
    }

    [Theory]
    [InlineData("OTP_CODE_LENGTH", "4")]
    [InlineData("OTP_CODE_LENGTH", "25")]
    [InlineData("AUTH_TOKEN_LENGTH", "12")]
    public void A_length_out_of_range_prevents_startup(string setting, string value) =>
        ErrorsFor(isProduction: false, (setting, value)).ShouldHaveSingleItem().ShouldContain(setting);

    [Fact]
    public void DEBUG_prevents_startup_in_Production() =>
        ErrorsFor(isProduction: true, ("DEBUG", "True"), ("MAIL_TRANSPORT", "mailbox"))
            .ShouldContain(line => line.Contains("DEBUG", StringComparison.Ordinal));
}
