using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Http;

/// <summary>Cookies of the same name, or in different casing, set by another host of the domain.</summary>
public sealed class SiblingCookieTests(PortalHost portal) : IClassFixture<PortalHost>
{
    private const string Token = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    private const string AdminId = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    /// <summary>Gets Cookie headers that combine the browser's own cookie with those of the other host.</summary>
    public static TheoryData<string> Additions =>
        ["NAME=FAKE; OWN", "OWN; NAME=FAKE", "OWN; OTHER=FAKE", "OTHER=FAKE; OWN", "NAME=; OWN; NAME=FAKE; NAME=garbage"];

    private static (string, string) Cookies(string additions, string name, string fake, string own) => (
        "Cookie",
        additions.Replace("OTHER", name.ToUpperInvariant(), StringComparison.Ordinal).Replace("NAME", name, StringComparison.Ordinal)
            .Replace("FAKE", fake, StringComparison.Ordinal).Replace("OWN", $"{name}={own}", StringComparison.Ordinal));

    [Theory]
    [MemberData(nameof(Additions))]
    public async Task The_user_stays_signed_in(string additions)
    {
        var email = TestUser.New();
        var cookies = Cookies(additions, "auth_token", Token, (await portal.SignInAsync(email)).Cookies["auth_token"]);

        (await portal.NewApiClient().GetAsync("/check-auth", cookies)).Json.GetProperty("email").GetString().ShouldBe(email);
        (await portal.NewApiClient().GetAsync("/forward-auth", cookies)).Header("Remote-User").ShouldBe(email);
        (await portal.NewApiClient().GetAsync("/token", cookies)).Status.ShouldBe(200);
        var page = await portal.NewBrowser().GetAsync("/", cookies);
        page.Text.ShouldContain(email);
        page.Cookies.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_token_cookie_with_different_casing_is_ignored()
    {
        var token = (await portal.SignInAsync(TestUser.New())).Cookies["auth_token"];

        (await portal.NewApiClient().GetAsync("/check-auth", ("Cookie", $"Auth_Token={token}"))).Status.ShouldBe(403);
    }

    [Theory]
    [MemberData(nameof(Additions))]
    public async Task Signing_out_revokes_the_session_of_the_user(string additions)
    {
        var token = (await portal.SignInAsync(TestUser.New())).Cookies["auth_token"];
        using var nothing = new FormUrlEncodedContent([]);

        (await portal.NewBrowser().SendAsync(HttpMethod.Post, "/logout", nothing, Cookies(additions, "auth_token", Token, token))).Status
            .ShouldBe(303);

        (await portal.NewApiClient().GetAsync("/check-auth", ("Authorization", $"Bearer {token}"))).Status.ShouldBe(403);
    }

    [Theory]
    [MemberData(nameof(Additions))]
    public async Task A_sign_in_can_be_completed(string additions)
    {
        var (browser, email) = (portal.NewBrowser(), TestUser.New());
        await browser.PostAsync("/login", ("email", email));
        var cookies = Cookies(additions, "otp_flow", Token, browser.Cookies["otp_flow"]);
        using var form = new FormUrlEncodedContent([KeyValuePair.Create("code", await portal.CodeForAsync(email))]);

        (await portal.NewBrowser().GetAsync("/login/code", cookies)).Status.ShouldBe(200);
        (await portal.NewApiClient().SendAsync(HttpMethod.Post, "/login-otp", form, cookies)).Status.ShouldBe(200);
    }

    [Theory]
    [MemberData(nameof(Additions))]
    public async Task The_administrator_stays_signed_in(string additions)
    {
        var own = (await portal.OpenAdministrationAsync()).Cookies["otp_admin"];
        var cookies = Cookies(additions, "otp_admin", AdminId, own);

        (await portal.NewBrowser().GetAsync("/admin", cookies)).Find("nav.admin-nav").ShouldNotBeNull();
        using var nothing = new FormUrlEncodedContent([]);
        (await portal.NewBrowser().SendAsync(HttpMethod.Post, "/admin/logout", nothing, cookies)).Status.ShouldBe(303);
        (await portal.NewBrowser().GetAsync("/admin", ("Cookie", $"otp_admin={own}"))).Find("nav.admin-nav").ShouldBeNull();
    }
}
