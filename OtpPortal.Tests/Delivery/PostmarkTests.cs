using System.Text.Json;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Delivery;

/// <summary>Requests to a fake Postmark server and the handling of its responses.</summary>
public sealed class PostmarkTests : IAsyncLifetime
{
    private const string Token = "11111111-2222-3333-4444-555555555555";
    private const string Accepted =
        """{"To":"ann@example.com","SubmittedAt":"2026-03-01T12:00:00Z","MessageID":"0a129aee-e1cd-480d-b08d-4f48548ff48d","ErrorCode":0,"Message":"OK"}""";

    private RecordingServer _postmark = null!;
    private PortalHost _portal = null!;

    public async Task InitializeAsync()
    {
        _postmark = await RecordingServer.StartAsync();
        _postmark.Answer = _ => (200, Accepted);
        _portal = await PortalHost.StartWithAsync(
            null, _postmark.Address, ("MAIL_TRANSPORT", "postmark"), ("POSTMARK_SERVER_TOKEN", Token),
            ("POSTMARK_API_URL", _postmark.Address.ToString()), ("DOMAIN_NAME", "example.org"), ("APP_NAME", "Ann's \"App\""),
            ("DEBUG", "true"));
    }

    public async Task DisposeAsync()
    {
        await _portal.DisposeAsync();
        await _postmark.DisposeAsync();
    }

    private async Task<BrowserClient> BeginSignInAsync(string email = "ann@example.com")
    {
        var browser = _portal.NewBrowser();
        (await browser.PostAsync("/login", ("email", email))).Status.ShouldBe(303);
        return browser;
    }

    [Fact]
    public async Task Sends_the_request_that_Postmark_documents()
    {
        var browser = await BeginSignInAsync();
        await Eventually.BeTrueAsync(() => _postmark.Requests.Count > 0);

        var request = _postmark.Requests.ShouldHaveSingleItem();
        (request.Method, request.Path).ShouldBe(("POST", "/email"));
        request.Headers["X-Postmark-Server-Token"].ShouldBe(Token);
        request.Headers["Accept"].ShouldBe("application/json");
        request.Headers["Content-Type"].ShouldStartWith("application/json");
        var mail = JsonDocument.Parse(request.Body).RootElement;
        mail.EnumerateObject().Select(property => property.Name)
            .ShouldBe(["From", "To", "Subject", "TextBody", "HtmlBody", "MessageStream"]);
        mail.GetProperty("From").GetString().ShouldBe("\"Ann's App\" <otp@example.org>");
        mail.GetProperty("To").GetString().ShouldBe("ann@example.com");
        mail.GetProperty("MessageStream").GetString().ShouldBe("outbound");
        var code = mail.GetProperty("Subject").GetString()![^6..];
        code.ShouldMatch("^[0-9]{6}$");
        mail.GetProperty("TextBody").GetString()!.ShouldContain(code);
        mail.GetProperty("HtmlBody").GetString()!.ShouldContain(code);
        (await browser.PostAsync("/login-otp", ("code", code))).Location.ShouldBe("/");
        _portal.Log.Text.ShouldNotContain(code);
        _portal.Log.Text.ShouldNotContain(Token);
    }

    [Theory]
    [InlineData(
        401, """{"ErrorCode":10,"Message":"The Server Token you provided in the X-Postmark-Server-Token request header was invalid."}""",
        "POSTMARK_SERVER_TOKEN")]
    [InlineData(
        422, """{"ErrorCode":406,"Message":"You tried to send to a recipient that has been marked as inactive: ann@example.com"}""",
        "inactive")]
    [InlineData(422, """{"ErrorCode":300,"Message":"Invalid 'To' address: 'ann@example.com'."}""", "invalid (error 300)")]
    [InlineData(422, """{"ErrorCode":400,"Message":"The 'From' address you supplied is not a Sender Signature"}""", "MAIL_FROM")]
    [InlineData(422, """{"ErrorCode":405,"Message":"Not allowed to send, you are out of credits."}""", "credits")]
    [InlineData(422, """{"ErrorCode":412,"Message":"Account pending approval"}""", "not approved")]
    [InlineData(422, """{"ErrorCode":1235,"Message":"The stream does not exist"}""", "POSTMARK_MESSAGE_STREAM")]
    [InlineData(422, """{"ErrorCode":9999,"Message":"Something new"}""", "error 9999")]
    [InlineData(422, "garbage", "rejected")]
    [InlineData(200, "<html>a captive portal</html>", "POSTMARK_API_URL")]
    [InlineData(200, """{"ErrorCode":"zero"}""", "POSTMARK_API_URL")]
    [InlineData(302, "", "POSTMARK_API_URL")]
    [InlineData(404, "no such page", "POSTMARK_API_URL")]
    public async Task Does_not_retry_permanent_failures_and_logs_the_reason(int status, string body, string reason)
    {
        _postmark.Answer = _ => (status, body);

        await BeginSignInAsync();
        await Eventually.BeTrueAsync(() => _portal.Log.Lines.Any(line => line.StartsWith("Error", StringComparison.Ordinal)));

        _postmark.Requests.Count.ShouldBe(1);
        var line = _portal.Log.Lines.Where(line => line.StartsWith("Error", StringComparison.Ordinal)).ShouldHaveSingleItem();
        line.ShouldContain("postmark");
        line.ShouldContain(reason);
        _portal.Log.Text.ShouldNotContain("ann@example.com");
    }

    [Theory]
    [InlineData(429, "")]
    [InlineData(500, """{"ErrorCode":100,"Message":"Maintenance"}""")]
    [InlineData(503, "<html>down</html>")]
    public async Task Retries_temporary_failures(int status, string body)
    {
        _postmark.Answer = count => count <= 2 ? (status, body) : (200, Accepted);

        await BeginSignInAsync();
        await _portal.Clock.AdvanceUntilAsync(() => _postmark.Requests.Count == 3, TimeSpan.FromMilliseconds(200));

        _postmark.Requests.Count.ShouldBe(3);
        _postmark.Requests.Select(request => request.Body).Distinct().Count().ShouldBe(1, "it is the same message");
        _portal.Log.Lines.Count(
            line => line.StartsWith("Warning", StringComparison.Ordinal)
                && line.Contains($"({status})", StringComparison.Ordinal)).ShouldBe(2);
    }

    [Fact]
    public async Task Retries_when_Postmark_times_out()
    {
        _postmark.Answer = count => count == 1 ? null : (200, Accepted);

        await BeginSignInAsync();
        await Eventually.BeTrueAsync(() => _postmark.Requests.Count == 1);
        await _portal.Clock.AdvanceUntilAsync(() => _postmark.Requests.Count == 2, TimeSpan.FromSeconds(1));

        _portal.Log.Text.ShouldContain("no response within 15 s");
    }

    [Fact]
    public async Task Retries_when_Postmark_is_unreachable()
    {
        await _postmark.StopAsync();

        await BeginSignInAsync();

        await _portal.Clock.AdvanceUntilAsync(
            () => _portal.Log.Lines.Count(line => line.Contains("cannot connect", StringComparison.Ordinal)
                && line.Contains("retrying in", StringComparison.Ordinal)) > 1,
            TimeSpan.FromMilliseconds(200));
    }
}
