using System.Text;
using System.Text.RegularExpressions;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.JOtp;

/// <summary>The documented requests and responses of jOTP, with the portal's base address and credentials.</summary>
public sealed class JOtpPeerTests : IAsyncLifetime
{
    private PortalHost _portal = null!;

    public async Task InitializeAsync() => _portal = await PortalHost.StartAsync(("NAMESPACES", "MyApp:secret"));

    public async Task DisposeAsync() => await _portal.DisposeAsync();

    private Task<Answer> GenerateAsync(string body) => _portal.NewApiClient().SendAsync(
        HttpMethod.Post, "/jotp/sessions", new StringContent(body, Encoding.UTF8, "application/json"),
        ("Authorization", "Basic TXlBcHA6c2VjcmV0"));

    private Task<Answer> ValidateAsync(Answer generated, string token) => _portal.NewApiClient().SendAsync(
        HttpMethod.Post, new Uri(generated.Location!).AbsolutePath, new StringContent(token, Encoding.UTF8, "text/plain"));

    private async Task<Match> MailAsync(string email, string pattern)
    {
        var messages = (await _portal.NewApiClient().GetAsync("/dev/mailbox.json")).Json.EnumerateArray();
        var text = messages.First(message => message.GetProperty("to").GetString() == email).GetProperty("text").GetString()!;
        var match = Regex.Match(text, pattern);
        match.Success.ShouldBeTrue(text);
        return match;
    }

    [Fact]
    public async Task Reports_health()
    {
        var answer = await _portal.NewApiClient().GetAsync("/jotp/");

        (answer.Status, answer.Body).ShouldBe((200, "OK"));
    }

    [Fact]
    public async Task Generates_a_token_and_sends_it_by_email()
    {
        var email = TestUser.New();

        var answer = await GenerateAsync(
            $$"""{"email": "{{email}}", "subject": "Your token", "message": "$token in $session", "ttl": "5"}""");

        answer.Status.ShouldBe(201);
        var mail = await MailAsync(email, "^([0-9]+) in ([A-Za-z0-9]+)$");
        answer.Location.ShouldBe($"{_portal.Address.GetLeftPart(UriPartial.Authority)}/jotp/sessions/{mail.Groups[2].Value}");
    }

    [Fact]
    public async Task Validates_a_token()
    {
        var email = TestUser.New();
        var generated = await GenerateAsync($$"""{"email": "{{email}}", "subject": "Your token", "message": "$token", "ttl": "5"}""");
        var token = (await MailAsync(email, "^[0-9]+$")).Value;

        (await ValidateAsync(generated, "no" + token)).Status.ShouldBe(404);
        (await ValidateAsync(generated, token)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Generates_a_token_without_subject_and_ttl()
    {
        var email = TestUser.New();

        (await GenerateAsync($$"""{"email": "{{email}}", "message": "$token"}""")).Status.ShouldBe(201);

        await MailAsync(email, "^[0-9]{6}$");
    }
}
