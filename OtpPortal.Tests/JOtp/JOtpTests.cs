using System.Net.Http.Json;
using System.Text;
using System.Text.RegularExpressions;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.JOtp;

/// <summary>The jOTP-compatible API under <c>/jotp</c>.</summary>
public sealed class JOtpTests : IAsyncLifetime
{
    private const string Credentials = "Basic TXlBcHA6c2VjcmV0";

    private PortalHost _portal = null!;

    public async Task InitializeAsync() => _portal = await PortalHost.StartAsync(("NAMESPACES", "MyApp:secret"));

    public async Task DisposeAsync() => await _portal.DisposeAsync();

    private static Dictionary<string, object?> BodyFor(string email, params (string Name, object? Value)[] changes)
    {
        var request = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["email"] = email,
            ["subject"] = "Your token",
            ["message"] = "Token: $token\nSession: $session",
            ["ttl"] = 5,
        };
        foreach (var (name, value) in changes) request[name] = value;
        return request;
    }

    private Task<Answer> CreateSessionAsync(object request, string? credentials = Credentials) => _portal.NewApiClient().SendAsync(
        HttpMethod.Post, "/jotp/sessions", JsonContent.Create(request), credentials is null ? [] : [("Authorization", credentials)]);

    private Task<Answer> SubmitTokenAsync(string location, string token) => _portal.NewApiClient().SendAsync(
        HttpMethod.Post, new Uri(location).AbsolutePath, new StringContent(token, Encoding.UTF8, "text/plain"));

    private async Task<(string Location, string Token)> StartAsync(params (string Name, object? Value)[] changes)
    {
        var email = TestUser.New();
        var answer = await CreateSessionAsync(BodyFor(email, changes));
        answer.Status.ShouldBe(201, answer.Body);
        return (answer.Location!, Regex.Match((await MessageAsync(email)).Text, "Token: ([0-9]+)").Groups[1].Value);
    }

    private async Task<(string Subject, string Text, string Html)> MessageAsync(string email)
    {
        var messages = (await _portal.NewApiClient().GetAsync("/dev/mailbox.json")).Json.EnumerateArray();
        var message = messages.First(each => each.GetProperty("to").GetString() == email);
        return (message.GetProperty("subject").GetString()!, message.GetProperty("text").GetString()!, message.GetProperty("html")
            .GetString()!);
    }

    private static string WrongTokenFor(string token) => token[..^1] + (char)('0' + ((token[^1] - '0' + 1) % 10));

    [Fact]
    public async Task Reports_health()
    {
        var answer = await _portal.NewApiClient().GetAsync("/jotp/");

        (answer.Status, answer.Body).ShouldBe((200, "OK"));
    }

    [Fact]
    public async Task Sends_a_token_in_the_callers_message_and_accepts_it_once()
    {
        var email = TestUser.New();

        var begun = await CreateSessionAsync(BodyFor(email, ("message", "Hello <b>you</b>, $token ($session)")));

        begun.Status.ShouldBe(201);
        begun.Location!.ShouldMatch($"^{Regex.Escape(_portal.Address.GetLeftPart(UriPartial.Authority))}/jotp/sessions/[A-Za-z0-9]{{32}}$");
        var (subject, text, html) = await MessageAsync(email);
        subject.ShouldBe("Your token");
        var parts = Regex.Match(text, @"^Hello <b>you</b>, ([0-9]{6}) \(([A-Za-z0-9]{32})\)$");
        parts.Success.ShouldBeTrue(text);
        begun.Location.ShouldEndWith(parts.Groups[2].Value);
        html.ShouldContain("&lt;b&gt;you&lt;/b&gt;");
        (await SubmitTokenAsync(begun.Location, parts.Groups[1].Value + "\n")).Status.ShouldBe(200);
        (await SubmitTokenAsync(begun.Location, parts.Groups[1].Value)).Status.ShouldBe(404, "once");
    }

    [Fact]
    public async Task Accepts_a_correct_token_once_when_submitted_concurrently()
    {
        var (location, token) = await StartAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => SubmitTokenAsync(location, token)));

        answers.Count(answer => answer.Status == 200).ShouldBe(1);
    }

    [Fact]
    public async Task Refuses_even_a_correct_token_after_too_many_attempts()
    {
        var (location, token) = await StartAsync();
        for (var i = 0; i < 5; i++) (await SubmitTokenAsync(location, WrongTokenFor(token))).Status.ShouldBe(404);

        (await SubmitTokenAsync(location, token)).Status.ShouldBe(404, "right or not");
    }

    [Theory]
    [InlineData(2)]
    [InlineData("2")]
    [InlineData(2.0)]
    [InlineData("2.0")]
    [InlineData(" 2 ")]
    public async Task A_session_expires_after_ttl_minutes(object ttl)
    {
        var (location, token) = await StartAsync(("ttl", ttl));
        var (other, its) = await StartAsync(("ttl", ttl));
        _portal.Clock.Advance(TimeSpan.FromSeconds(119));
        (await SubmitTokenAsync(other, its)).Status.ShouldBe(200);
        _portal.Clock.Advance(TimeSpan.FromSeconds(1));

        (await SubmitTokenAsync(location, token)).Status.ShouldBe(404);
    }

    [Fact]
    public async Task Sends_no_mail_for_an_unauthenticated_client()
    {
        var email = TestUser.New();

        foreach (var credentials in new[] { null, "Basic TXlBcHA6d3Jvbmc=", "Bearer secret" })
        {
            var answer = await CreateSessionAsync(BodyFor(email), credentials);
            answer.Status.ShouldBe(401);
            answer.Header("WWW-Authenticate")!.ShouldStartWith("Basic ");
        }

        (await _portal.NewApiClient().GetAsync("/dev/mailbox.json")).Body.ShouldNotContain(email);
    }

    [Fact]
    public async Task Anonymous_clients_are_rate_limited_by_IP_address()
    {
        await using var open = await PortalHost.StartAsync(("JOTP_ANONYMOUS", "true"), ("LIMIT_SENDS_PER_IP", "2/900"));
        var stranger = open.NewApiClient();
        var statuses = new List<int>();
        for (var i = 0; i < 3; i++)
            statuses.Add((await stranger.SendAsync(HttpMethod.Post, "/jotp/sessions", JsonContent.Create(BodyFor(TestUser.New())))).Status);

        statuses.ShouldBe([201, 201, 429]);
    }

    [Fact]
    public async Task Limits_the_messages_to_one_address()
    {
        var email = TestUser.New();
        var answers = new List<Answer>();
        for (var i = 0; i < 6; i++) answers.Add(await CreateSessionAsync(BodyFor(email)));

        answers.Select(answer => answer.Status).ShouldBe([201, 201, 201, 201, 201, 429]);
        answers[5].RetryAfter.ShouldBe(900);
    }

    [Fact]
    public async Task Reports_the_rate_limit_of_a_namespace_and_sends_nothing_beyond_it()
    {
        await using var portal = await PortalHost.StartAsync(
            ("NAMESPACES", "MyApp:secret"), ("JOTP_ANONYMOUS", "true"), ("LIMIT_REQUESTS_PER_NAMESPACE", "2/60"));
        var program = portal.NewApiClient();
        Task<Answer> SendAsync(object request, params (string, string)[] headers) =>
            program.SendAsync(HttpMethod.Post, "/jotp/sessions", JsonContent.Create(request), headers);
        var unlucky = TestUser.New();

        var begun = await SendAsync(BodyFor(TestUser.New()), ("Authorization", Credentials));
        var bad = await SendAsync(BodyFor("nonsense"), ("Authorization", Credentials));
        var refused = await SendAsync(BodyFor(unlucky), ("Authorization", Credentials));
        var nameless = await SendAsync(BodyFor(TestUser.New()));

        (begun.Status, begun.Header("RateLimit"), begun.Header("RateLimit-Policy"))
            .ShouldBe((201, "\"namespace\";r=1;t=60", "\"namespace\";q=2;w=60"));
        (bad.Status, bad.Header("RateLimit")).ShouldBe((400, "\"namespace\";r=0;t=60"));
        (refused.Status, refused.RetryAfter, refused.Header("RateLimit")).ShouldBe((429, 90, "\"namespace\";r=0;t=90"));
        refused.Json.GetProperty("error").GetString().ShouldBe("too_many_requests");
        (await program.GetAsync("/dev/mailbox.json")).Body.ShouldNotContain(unlucky);
        (nameless.Status, nameless.Header("RateLimit")).ShouldBe((201, null), "a request without a namespace uses no quota");
        (await program.GetAsync("/api/providers", ("Authorization", Credentials))).Status.ShouldBe(429, "both APIs count together");
    }

    [Theory]
    [InlineData("email", "nonsense", "email")]
    [InlineData("email", 5, "email")]
    [InlineData("email", null, "email")]
    [InlineData("subject", 5, "subject")]
    [InlineData("subject", "two\nlines", "subject")]
    [InlineData("message", "no place for it", "message")]
    [InlineData("message", null, "message")]
    [InlineData("ttl", 0, "ttl")]
    [InlineData("ttl", -5, "ttl")]
    [InlineData("ttl", "", "ttl")]
    [InlineData("ttl", "soon", "ttl")]
    [InlineData("ttl", "NaN", "ttl")]
    [InlineData("ttl", "Infinity", "ttl")]
    [InlineData("ttl", true, "ttl")]
    public async Task Names_the_invalid_field(string field, object? value, string named)
    {
        var answer = await CreateSessionAsync(BodyFor(TestUser.New(), (field, value)));

        answer.Status.ShouldBe(400);
        answer.Json.GetProperty("message").GetString()!.ShouldStartWith(named);
    }

    [Theory]
    [InlineData("1.5", 90)]
    [InlineData("0.001", 1)]
    public async Task Accepts_a_fractional_ttl(string ttl, int seconds)
    {
        var (location, token) = await StartAsync(("ttl", ttl));
        var (other, its) = await StartAsync(("ttl", ttl));

        _portal.Clock.Advance(TimeSpan.FromSeconds(seconds) - TimeSpan.FromMilliseconds(1));
        (await SubmitTokenAsync(other, its)).Status.ShouldBe(200);
        _portal.Clock.Advance(TimeSpan.FromMilliseconds(1));
        (await SubmitTokenAsync(location, token)).Status.ShouldBe(404);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Uses_a_default_subject(bool isNull)
    {
        var email = TestUser.New();
        var request = BodyFor(email, ("subject", isNull ? null : ""));
        if (!isNull) request.Remove("subject");

        (await CreateSessionAsync(request)).Status.ShouldBe(201);

        (await MessageAsync(email)).Subject.ShouldBe("Your OTP Portal code");
    }

    [Fact]
    public async Task Sends_a_long_subject_and_a_large_message()
    {
        var email = TestUser.New();
        var (subject, text) = (new string('s', 2000), new string('m', 900_000));

        (await CreateSessionAsync(BodyFor(email, ("subject", subject), ("message", text + "$token")))).Status.ShouldBe(201);

        var message = await MessageAsync(email);
        message.Subject.ShouldBe(subject);
        message.Text.ShouldStartWith(text);
        (await CreateSessionAsync(BodyFor(TestUser.New(), ("subject", subject + "s")))).Status.ShouldBe(400);
    }

    [Fact]
    public async Task Limits_a_longer_ttl_to_one_hour()
    {
        var (location, token) = await StartAsync(("ttl", 100_000_000_000));
        var (other, otherToken) = await StartAsync(("ttl", "61"));

        _portal.Clock.Advance(TimeSpan.FromMinutes(59));
        (await SubmitTokenAsync(location, token)).Status.ShouldBe(200);
        _portal.Clock.Advance(TimeSpan.FromMinutes(1));
        (await SubmitTokenAsync(other, otherToken)).Status.ShouldBe(404);
    }

    [Theory]
    [InlineData("""{"email":"\ud800","subject":"x","message":"$token"}""")]
    [InlineData("""{"email":"ann@example.com","subject":"\ud800","message":"$token"}""")]
    [InlineData("""{"email":"ann@example.com","subject":"x","message":"$token \udc00"}""")]
    [InlineData("""{"email":"ann@example.com","subject":"x","message":"$token","ttl":"\ud800"}""")]
    [InlineData("{\"email\":\"ann@example.com\",\"subject\":\"x\",\"message\":\"$token \u00ff\"}")]
    public async Task Refuses_invalid_Unicode(string body)
    {
        // The byte 0xFF (ÿ in Latin-1) is invalid in UTF-8.
        var answer = await _portal.NewApiClient()
            .SendAsync(
                HttpMethod.Post, "/jotp/sessions", new ByteArrayContent(Encoding.Latin1.GetBytes(body)), ("Authorization", Credentials));

        answer.Status.ShouldBe(400);
        answer.Json.GetProperty("error").GetString().ShouldBe("bad_request");
    }

    [Theory]
    [InlineData("")]
    [InlineData("no json")]
    [InlineData("[1]")]
    [InlineData("\"text\"")]
    public async Task Refuses_a_body_that_is_not_a_JSON_object(string body) =>
        (await _portal.NewApiClient()
            .SendAsync(HttpMethod.Post, "/jotp/sessions", new StringContent(body), ("Authorization", Credentials))).Status.ShouldBe(400);

    [Fact]
    public async Task Refuses_a_body_that_is_too_large_or_too_deeply_nested()
    {
        (await CreateSessionAsync(BodyFor(TestUser.New(), ("message", "$token" + new string('a', 1_100_000))))).Status.ShouldBe(413);
        (await _portal.NewApiClient()
            .SendAsync(HttpMethod.Post, "/jotp/sessions", new StringContent(new string('[', 5000)), ("Authorization", Credentials))).Status
            .ShouldBe(400, "too deep");
    }

    [Fact]
    public async Task Does_not_store_or_log_the_token()
    {
        var (_, token) = await StartAsync();

        _portal.Dump().Entries.Where(entry => entry.Key.StartsWith("code:{jotp:", StringComparison.Ordinal)).ShouldNotBeEmpty();
        _portal.Dump().Entries.ShouldAllBe(entry => !entry.Content.Contains("=" + token, StringComparison.Ordinal));
        _portal.Log.Text.ShouldNotContain(token);
    }
}
