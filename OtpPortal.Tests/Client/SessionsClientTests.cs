using System.Net;
using OtpPortal.Client;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Client;

/// <summary>Listing and revoking sessions through the client.</summary>
public sealed class SessionsClientTests(PortalHost portal) : IClassFixture<PortalHost>
{
    private readonly SessionsClient _sessions = Clients.For(portal.Address, options => options.AuthSecretKey = PortalHost.Secret).Sessions;

    [Fact]
    public async Task Lists_the_sessions_of_an_address_with_all_details()
    {
        var email = TestUser.New();
        await portal.SignInAsync(TestUser.New());
        var browser = portal.NewBrowser();
        browser.Headers["User-Agent"] = "A browser of the tests";
        await portal.SignInAsync(email, browser);
        // Sessions created at the same instant have no defined order.
        portal.Clock.Advance(TimeSpan.FromSeconds(1));
        await portal.SignInAsync(email);

        var sessions = await _sessions.ListAsync(email.ToUpperInvariant()).ToListAsync();

        sessions.Count.ShouldBe(2);
        sessions[0].Email.ShouldBe(email);
        sessions[0].UserAgent.ShouldBe("A browser of the tests");
        sessions[0].Ip.ShouldBe(browser.Source.ToString());
        sessions[0].AuthToken.ShouldBe(browser.Cookies["auth_token"]);
        sessions[0].CreatedAt.ShouldBe(portal.Clock.GetUtcNow(), TimeSpan.FromMinutes(1));
        sessions[0].ExpiresAt.ShouldBe(portal.Clock.GetUtcNow() + TimeSpan.FromDays(7), TimeSpan.FromMinutes(1));
        sessions[0].ToString().ShouldNotContain(sessions[0].AuthToken);
        (await _sessions.ListAsync().CountAsync()).ShouldBeGreaterThan(2);
    }

    [Fact]
    public async Task Fetches_pages_lazily()
    {
        await using var paging = await RecordingServer.StartAsync();
        static string Page(int from) => "[" + string.Join(',', Enumerable.Range(from, 2).Select(i =>
            $$"""{"id":"s{{i}}","email":"a@example.com","created_at":"2026-01-31T09:15:00.123+00:00","last_seen_at":"2026-01-31T10:02:11.456+00:00","expires_at":"2026-02-07T10:02:11.456+00:00","ip":"","user_agent":"","auth_token":""}""")) + "]";
        paging.Handle = context =>
        {
            var second = context.Request.Query["cursor"] == "a b+c";
            if (!second) context.Response.Headers["X-Next-Cursor"] = "a b+c";
            return Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response, Page(second ? 2 : 0));
        };
        var sessions = Clients.For(paging.Address, options => options.AuthSecretKey = "key").Sessions;

        await using var reader = sessions.ListAsync().GetAsyncEnumerator();
        (await reader.MoveNextAsync()).ShouldBeTrue();
        paging.Requests.Count.ShouldBe(1);
        (await sessions.ListAsync().Select(session => session.Id).ToListAsync()).ShouldBe(["s0", "s1", "s2", "s3"]);
        paging.Requests[0].Headers["Authorization"].ShouldBe("Bearer key");
    }

    [Fact]
    public async Task Returns_every_session_of_the_portal_exactly_once()
    {
        await using var own = await PortalHost.StartAsync(("LIMIT_SENDS_PER_ADDRESS", "1000000/900"));
        var email = TestUser.New();
        foreach (var _ in Enumerable.Range(0, 3)) await own.SignInAsync(email);
        using var http = new HttpClient(new SmallPages(1) { InnerHandler = OtpPortalClient.CreateHandler() });
        var sessions = new OtpPortalClient(http, new OtpPortalOptions { Url = own.Address, AuthSecretKey = PortalHost.Secret }).Sessions;

        var ids = await sessions.ListAsync(email).Select(session => session.Id).ToListAsync();

        ids.Count.ShouldBe(3);
        ids.Distinct().Count().ShouldBe(3);
    }

    [Fact]
    public async Task Throws_when_the_pagination_cursor_repeats()
    {
        await using var paging = await RecordingServer.StartAsync();
        paging.AlwaysAnswer(200, "[]", ("X-Next-Cursor", "again"));
        var sessions = Clients.For(paging.Address, options => options.AuthSecretKey = "key").Sessions;

        await Should.ThrowAsync<OtpPortalException>(async () => await sessions.ListAsync().CountAsync());
    }

    [Fact]
    public async Task Revokes_one_session_or_all_sessions_of_an_address()
    {
        var email = TestUser.New();
        foreach (var _ in Enumerable.Range(0, 3)) await portal.SignInAsync(email);
        var first = await _sessions.ListAsync(email).FirstAsync();

        (await _sessions.RevokeAsync(first.Id)).ShouldBeTrue();
        (await _sessions.RevokeAsync(first.Id)).ShouldBeFalse();
        (await _sessions.ListAsync(email).CountAsync()).ShouldBe(2);
        await _sessions.RevokeAllAsync(email);
        (await _sessions.ListAsync(email).AnyAsync()).ShouldBeFalse();
        await _sessions.RevokeAllAsync(email);
    }

    [Fact]
    public async Task Throws_ArgumentException_for_an_invalid_session_id_or_address()
    {
        await Should.ThrowAsync<ArgumentException>(() => _sessions.RevokeAsync("../check-auth"));
        await Should.ThrowAsync<ArgumentException>(() => _sessions.RevokeAsync(""));
        await Should.ThrowAsync<ArgumentException>(() => _sessions.RevokeAllAsync(" "));
        Should.Throw<ArgumentException>(() => _sessions.ListAsync(""));
    }

    [Fact]
    public async Task Throws_on_a_wrong_key_and_reports_Retry_After_when_rate_limited()
    {
        await using var own = await PortalHost.StartAsync();
        var sessions = Clients.For(own.Address, options => options.AuthSecretKey = "guessed").Sessions;

        for (var i = 0; i < 10; i++)
        {
            (await Should.ThrowAsync<OtpPortalException>(() => sessions.RevokeAllAsync(TestUser.New()))).Status
                .ShouldBe(HttpStatusCode.Forbidden);
        }
        var limited = await Should.ThrowAsync<OtpPortalException>(async () => await sessions.ListAsync().CountAsync());
        limited.Status.ShouldBe(HttpStatusCode.TooManyRequests);
        limited.RetryAfter.ShouldNotBeNull().ShouldBeInRange(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(300));
        limited.ToString().ShouldNotContain("guessed");
    }

    [Fact]
    public async Task Throws_without_a_request_when_no_key_is_configured() =>
        (await Should.ThrowAsync<InvalidOperationException>(
            () => Clients.For(portal.Address).Sessions.RevokeAllAsync("a@example.com"))).Message.ShouldContain("AuthSecretKey");

    private sealed class SmallPages(int size) : DelegatingHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            // Restored afterwards, because the client compares the final URL with the requested one.
            var asked = request.RequestUri!;
            request.RequestUri = new Uri(asked.AbsoluteUri.Replace("limit=500", $"limit={size}", StringComparison.Ordinal));
            return SendAndRestoreAsync();

            async Task<HttpResponseMessage> SendAndRestoreAsync()
            {
                var answer = await base.SendAsync(request, cancellationToken);
                request.RequestUri = asked;
                return answer;
            }
        }
    }
}
