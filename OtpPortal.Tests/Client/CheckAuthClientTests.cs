using System.Buffers.Text;
using System.Net;
using OtpPortal.Client;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Client;

/// <summary>Token checks and JWT issuance through the client.</summary>
public sealed class CheckAuthClientTests(PortalHost portal) : IClassFixture<PortalHost>
{
    private readonly OtpPortalClient _client = Clients.For(portal.Address);

    [Fact]
    public async Task Returns_the_signed_in_user_and_the_rotated_token()
    {
        var email = TestUser.New();
        var token = (await portal.SignInAsync(email)).Cookies["auth_token"];

        var first = (await _client.CheckAuthAsync(token)).ShouldBeOfType<AuthCheck.SignedIn>();
        first.Email.ShouldBe(email);
        first.AuthToken.ShouldNotBe(token, "the first check replaces it");
        first.ExpiresIn.ShouldBe(TimeSpan.FromDays(7));
        CookieLine.Parse(first.SetCookie.ShouldHaveSingleItem()).Value.ShouldBe(first.AuthToken);
        first.ToString().ShouldNotContain(first.AuthToken);

        var again = (await _client.CheckAuthAsync(token)).ShouldBeOfType<AuthCheck.SignedIn>();
        again.AuthToken.ShouldBe(first.AuthToken, "a parallel question gets the same successor");
        portal.Clock.Advance(TimeSpan.FromSeconds(121));
        (await _client.CheckAuthAsync(token)).ShouldBeOfType<AuthCheck.SignedOut>();
        (await _client.CheckAuthAsync(first.AuthToken)).ShouldBeOfType<AuthCheck.SignedIn>();
    }

    [Fact]
    public async Task Finding_the_email_address_does_not_rotate_the_token()
    {
        var email = TestUser.New();
        var token = (await portal.SignInAsync(email)).Cookies["auth_token"];

        for (var i = 0; i < 3; i++)
        {
            portal.Clock.Advance(TimeSpan.FromMinutes(3));
            (await _client.FindEmailAsync(token)).ShouldBe(email);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("nobodys0nobodys0nobodys0nobodys0")]
    [InlineData("two words")]
    [InlineData("line\r\nRemote-Email: root@example.com")]
    [InlineData("é")]
    public async Task An_invalid_token_is_reported_as_signed_out(string token)
    {
        (await _client.CheckAuthAsync(token)).ShouldBeOfType<AuthCheck.SignedOut>();
        (await _client.FindEmailAsync(token)).ShouldBeNull();
        (await _client.IssueJwtAsync(token, null)).ShouldBeOfType<JwtIssue.SignedOut>();
    }

    [Fact]
    public async Task Reads_Retry_After_from_error_responses()
    {
        await using var away = await RecordingServer.StartAsync();
        var client = Clients.For(away.Address);

        away.AlwaysAnswer(503, """{"error":"store_unavailable","message":"The portal cannot reach its store."}""", ("Retry-After", "5"));
        var trouble = await Should.ThrowAsync<OtpPortalException>(() => client.CheckAuthAsync("token"));
        (trouble.Status, trouble.RetryAfter).ShouldBe((HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(5)));
        trouble.Message.ShouldContain("The portal cannot reach its store.");

        away.AlwaysAnswer(503, "<html>", ("Retry-After", "Sat, 21 Nov 2026 10:00:30 GMT"), ("Date", "Sat, 21 Nov 2026 10:00:00 GMT"));
        (await Should.ThrowAsync<OtpPortalException>(() => client.FindEmailAsync("token"))).RetryAfter.ShouldBe(TimeSpan.FromSeconds(30));

        away.AlwaysAnswer(500, "");
        (await Should.ThrowAsync<OtpPortalException>(() => client.IssueJwtAsync("token", "RS256"))).RetryAfter.ShouldBeNull();
    }

    /// <summary>Gets responses that a portal never sends.</summary>
    public static TheoryData<int, string> UnexpectedResponses => new()
    {
        { 200, "" },
        { 200, "<html>Welcome to the hotel's network</html>" },
        { 200, "null" },
        { 200, "[]" },
        { 200, "{}" },
        { 200, """{"auth_token":null,"email":"a@example.com","expires_in":1}""" },
        { 200, """{"auth_token":"x","auth_token":"y","email":"a@example.com","expires_in":1}""" },
        { 200, """{"auth_token":"x","email":"a@example.com","expires_in":"soon"}""" },
        { 204, "" },
        { 302, "" },
        { 404, "" },
    };

    [Theory]
    [MemberData(nameof(UnexpectedResponses))]
    public async Task Throws_on_an_unexpected_response(int status, string body)
    {
        await using var odd = await RecordingServer.StartAsync();
        odd.AlwaysAnswer(status, status == 204 ? "" : body, status == 302 ? [("Location", "/elsewhere")] : []);
        var client = Clients.For(odd.Address);

        (await Should.ThrowAsync<OtpPortalException>(() => client.CheckAuthAsync("token"))).Status.ShouldBe((HttpStatusCode)status);
        (await Should.ThrowAsync<OtpPortalException>(() => client.FindEmailAsync("token"))).Status.ShouldBe((HttpStatusCode)status);
        odd.Requests.Count.ShouldBe(2, "redirects are not followed");
    }

    [Fact]
    public async Task Throws_when_the_HTTP_handler_has_followed_a_redirect()
    {
        await using var odd = await RecordingServer.StartAsync();
        odd.Handle = context =>
        {
            if (context.Request.Path == "/elsewhere") context.Response.Headers["Remote-Email"] = "root@example.com";
            else context.Response.Redirect("/elsewhere");
            return Task.CompletedTask;
        };
        using var following = new HttpClient();
        var client = new OtpPortalClient(following, new OtpPortalOptions { Url = odd.Address });

        await Should.ThrowAsync<OtpPortalException>(() => client.FindEmailAsync("token"));
    }

    [Fact]
    public async Task Throws_when_a_response_names_two_users()
    {
        await using var odd = await RecordingServer.StartAsync();
        odd.Handle = context =>
        {
            context.Response.Headers["Remote-Email"] = new(["a@example.com", "b@example.com"]);
            return Task.CompletedTask;
        };

        await Should.ThrowAsync<OtpPortalException>(() => Clients.For(odd.Address).FindEmailAsync("token"));
    }

    [Fact]
    public async Task Throws_when_the_portal_is_unreachable_or_times_out()
    {
        var nobody = Clients.For(new Uri($"http://127.0.0.1:{FreePort.Next()}"));
        (await Should.ThrowAsync<OtpPortalException>(() => nobody.FindEmailAsync("token"))).Status.ShouldBeNull();

        await using var silent = await RecordingServer.StartAsync();
        silent.Handle = context => Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        var impatient = Clients.For(silent.Address, options => options.Timeout = TimeSpan.FromMilliseconds(200));
        (await Should.ThrowAsync<OtpPortalException>(() => impatient.FindEmailAsync("token"))).Message.ShouldContain("in time");
    }

    [Fact]
    public async Task A_cancelled_call_throws_OperationCanceledException()
    {
        await using var silent = await RecordingServer.StartAsync();
        silent.Handle = context => Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        using var patience = new CancellationTokenSource();
        var asking = Clients.For(silent.Address).FindEmailAsync("token", patience.Token);
        await Eventually.BeTrueAsync(() => silent.Requests.Count == 1);

        await patience.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(() => asking);
    }

    [Fact]
    public async Task Issues_a_JWT_with_the_requested_algorithm()
    {
        var token = (await portal.SignInAsync(TestUser.New())).Cookies["auth_token"];

        var byDefault = (await _client.IssueJwtAsync(token, null)).ShouldBeOfType<JwtIssue.Issued>();
        var rsa = (await _client.IssueJwtAsync(token, "RS256")).ShouldBeOfType<JwtIssue.Issued>();

        byDefault.ExpiresIn.ShouldBe(TimeSpan.FromMinutes(5));
        byDefault.ToString().ShouldNotContain(byDefault.Jwt);
        System.Text.Encoding.UTF8.GetString(Base64Url.DecodeFromChars(rsa.Jwt.Split('.')[0])!).ShouldContain("\"RS256\"");
        (await Should.ThrowAsync<OtpPortalException>(() => _client.IssueJwtAsync(token, "none"))).Status
            .ShouldBe(HttpStatusCode.BadRequest);
    }
}
