using System.Net.Http.Json;
using System.Text;
using System.Text.RegularExpressions;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.JOtp;

/// <summary><c>/jotp</c>: a program written for jOTP.</summary>
public sealed class JOtpTests : IAsyncLifetime
{
    private const string Credentials = "Basic TXlBcHA6c2VjcmV0";

    private PortalHost _portal = null!;

    public async Task InitializeAsync() => _portal = await PortalHost.StartAsync(("NAMESPACES", "MyApp:secret"));

    public async Task DisposeAsync() => await _portal.DisposeAsync();

    private static Dictionary<string, object?> Wish(string email, params (string Name, object? Value)[] changes)
    {
        var wish = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["email"] = email,
            ["subject"] = "Your token",
            ["message"] = "Token: $token\nSession: $session",
            ["ttl"] = 5,
        };
        foreach (var (name, value) in changes) wish[name] = value;
        return wish;
    }

    private Task<Answer> BeginAsync(object wish, string? credentials = Credentials) => _portal.NewProgram().SendAsync(
        HttpMethod.Post, "/jotp/sessions", JsonContent.Create(wish), credentials is null ? [] : [("Authorization", credentials)]);

    private Task<Answer> TryAsync(string location, string token) => _portal.NewProgram().SendAsync(
        HttpMethod.Post, new Uri(location).AbsolutePath, new StringContent(token, Encoding.UTF8, "text/plain"));

    private async Task<(string Location, string Token)> StartAsync(params (string Name, object? Value)[] changes)
    {
        var email = Someone.New();
        var answer = await BeginAsync(Wish(email, changes));
        answer.Status.ShouldBe(201, answer.Body);
        return (answer.Location!, Regex.Match((await MessageAsync(email)).Text, "Token: ([0-9]+)").Groups[1].Value);
    }

    private async Task<(string Subject, string Text, string Html)> MessageAsync(string email)
    {
        var messages = (await _portal.NewProgram().GetAsync("/dev/mailbox.json")).Json.EnumerateArray();
        var message = messages.First(each => each.GetProperty("to").GetString() == email);
        return (message.GetProperty("subject").GetString()!, message.GetProperty("text").GetString()!, message.GetProperty("html")
            .GetString()!);
    }

    private static string NotThe(string token) => token[..^1] + (char)('0' + ((token[^1] - '0' + 1) % 10));

    [Fact]
    public async Task It_says_that_it_is_there()
    {
        var answer = await _portal.NewProgram().GetAsync("/jotp/");

        (answer.Status, answer.Body).ShouldBe((200, "OK"));
    }

    [Fact]
    public async Task A_token_is_mailed_in_the_callers_words_and_is_good_once()
    {
        var email = Someone.New();

        var begun = await BeginAsync(Wish(email, ("message", "Hello <b>you</b>, $token ($session)")));

        begun.Status.ShouldBe(201);
        begun.Location!.ShouldMatch($"^{Regex.Escape(_portal.Address.GetLeftPart(UriPartial.Authority))}/jotp/sessions/[A-Za-z0-9]{{32}}$");
        var (subject, text, html) = await MessageAsync(email);
        subject.ShouldBe("Your token");
        var parts = Regex.Match(text, @"^Hello <b>you</b>, ([0-9]{6}) \(([A-Za-z0-9]{32})\)$");
        parts.Success.ShouldBeTrue(text);
        begun.Location.ShouldEndWith(parts.Groups[2].Value);
        html.ShouldContain("&lt;b&gt;you&lt;/b&gt;");
        (await TryAsync(begun.Location, parts.Groups[1].Value + "\n")).Status.ShouldBe(200);
        (await TryAsync(begun.Location, parts.Groups[1].Value)).Status.ShouldBe(404, "once");
    }

    [Fact]
    public async Task Of_simultaneous_right_tokens_one_is_right()
    {
        var (location, token) = await StartAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => TryAsync(location, token)));

        answers.Count(answer => answer.Status == 200).ShouldBe(1);
    }

    [Fact]
    public async Task Tries_are_limited()
    {
        var (location, token) = await StartAsync();
        for (var i = 0; i < 5; i++) (await TryAsync(location, NotThe(token))).Status.ShouldBe(404);

        (await TryAsync(location, token)).Status.ShouldBe(404, "right or not");
    }

    [Theory]
    [InlineData(2)]
    [InlineData("2")]
    [InlineData(2.0)]
    [InlineData("2.0")]
    [InlineData(" 2 ")]
    public async Task The_time_is_over_after_ttl_minutes(object ttl)
    {
        var (location, token) = await StartAsync(("ttl", ttl));
        var (other, its) = await StartAsync(("ttl", ttl));
        _portal.Clock.Advance(TimeSpan.FromSeconds(119));
        (await TryAsync(other, its)).Status.ShouldBe(200);
        _portal.Clock.Advance(TimeSpan.FromSeconds(1));

        (await TryAsync(location, token)).Status.ShouldBe(404);
    }

    [Fact]
    public async Task Whoever_has_no_namespace_cannot_have_mail_sent()
    {
        var email = Someone.New();

        foreach (var credentials in new[] { null, "Basic TXlBcHA6d3Jvbmc=", "Bearer secret" })
        {
            var answer = await BeginAsync(Wish(email), credentials);
            answer.Status.ShouldBe(401);
            answer.Header("WWW-Authenticate")!.ShouldStartWith("Basic ");
        }

        (await _portal.NewProgram().GetAsync("/dev/mailbox.json")).Body.ShouldNotContain(email);
    }

    [Fact]
    public async Task Where_strangers_may_their_limits_hold()
    {
        await using var open = await PortalHost.StartAsync(("JOTP_ANONYMOUS", "true"), ("LIMIT_SENDS_PER_IP", "2/900"));
        var stranger = open.NewProgram();
        var statuses = new List<int>();
        for (var i = 0; i < 3; i++)
            statuses.Add((await stranger.SendAsync(HttpMethod.Post, "/jotp/sessions", JsonContent.Create(Wish(Someone.New())))).Status);

        statuses.ShouldBe([201, 201, 429]);
    }

    [Fact]
    public async Task One_address_is_not_written_to_without_end()
    {
        var email = Someone.New();
        var answers = new List<Answer>();
        for (var i = 0; i < 6; i++) answers.Add(await BeginAsync(Wish(email)));

        answers.Select(answer => answer.Status).ShouldBe([201, 201, 201, 201, 201, 429]);
        answers[5].RetryAfter.ShouldBe(900);
    }

    [Fact]
    public async Task A_namespace_is_told_how_much_it_may_ask_and_past_it_nothing_is_sent()
    {
        await using var portal = await PortalHost.StartAsync(
            ("NAMESPACES", "MyApp:secret"), ("JOTP_ANONYMOUS", "true"), ("LIMIT_REQUESTS_PER_NAMESPACE", "2/60"));
        var program = portal.NewProgram();
        Task<Answer> SendAsync(object wish, params (string, string)[] headers) =>
            program.SendAsync(HttpMethod.Post, "/jotp/sessions", JsonContent.Create(wish), headers);
        var unlucky = Someone.New();

        var begun = await SendAsync(Wish(Someone.New()), ("Authorization", Credentials));
        var bad = await SendAsync(Wish("nonsense"), ("Authorization", Credentials));
        var refused = await SendAsync(Wish(unlucky), ("Authorization", Credentials));
        var nameless = await SendAsync(Wish(Someone.New()));

        (begun.Status, begun.Header("RateLimit"), begun.Header("RateLimit-Policy"))
            .ShouldBe((201, "\"namespace\";r=1;t=60", "\"namespace\";q=2;w=60"));
        (bad.Status, bad.Header("RateLimit")).ShouldBe((400, "\"namespace\";r=0;t=60"));
        (refused.Status, refused.RetryAfter, refused.Header("RateLimit")).ShouldBe((429, 90, "\"namespace\";r=0;t=90"));
        refused.Json.GetProperty("error").GetString().ShouldBe("too_many_requests");
        (await program.GetAsync("/dev/mailbox.json")).Body.ShouldNotContain(unlucky);
        (nameless.Status, nameless.Header("RateLimit")).ShouldBe((201, null), "who names no namespace uses none's");
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
    public async Task What_is_not_allowed_is_refused_by_name(string field, object? value, string named)
    {
        var answer = await BeginAsync(Wish(Someone.New(), (field, value)));

        answer.Status.ShouldBe(400);
        answer.Json.GetProperty("message").GetString()!.ShouldStartWith(named);
    }

    [Theory]
    [InlineData("1.5", 90)]
    [InlineData("0.001", 1)]
    public async Task A_ttl_may_be_part_of_a_minute(string ttl, int seconds)
    {
        var (location, token) = await StartAsync(("ttl", ttl));
        var (other, its) = await StartAsync(("ttl", ttl));

        _portal.Clock.Advance(TimeSpan.FromSeconds(seconds) - TimeSpan.FromMilliseconds(1));
        (await TryAsync(other, its)).Status.ShouldBe(200);
        _portal.Clock.Advance(TimeSpan.FromMilliseconds(1));
        (await TryAsync(location, token)).Status.ShouldBe(404);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_missing_subject_gets_a_default(bool isNull)
    {
        var email = Someone.New();
        var wish = Wish(email, ("subject", isNull ? null : ""));
        if (!isNull) wish.Remove("subject");

        (await BeginAsync(wish)).Status.ShouldBe(201);

        (await MessageAsync(email)).Subject.ShouldBe("Your OTP Portal code");
    }

    [Fact]
    public async Task A_long_subject_and_a_large_message_are_sent()
    {
        var email = Someone.New();
        var (subject, text) = (new string('s', 2000), new string('m', 900_000));

        (await BeginAsync(Wish(email, ("subject", subject), ("message", text + "$token")))).Status.ShouldBe(201);

        var message = await MessageAsync(email);
        message.Subject.ShouldBe(subject);
        message.Text.ShouldStartWith(text);
        (await BeginAsync(Wish(Someone.New(), ("subject", subject + "s")))).Status.ShouldBe(400);
    }

    [Fact]
    public async Task A_longer_ttl_is_taken_and_cut_to_an_hour()
    {
        var (location, token) = await StartAsync(("ttl", 100_000_000_000));
        var (other, otherToken) = await StartAsync(("ttl", "61"));

        _portal.Clock.Advance(TimeSpan.FromMinutes(59));
        (await TryAsync(location, token)).Status.ShouldBe(200);
        _portal.Clock.Advance(TimeSpan.FromMinutes(1));
        (await TryAsync(other, otherToken)).Status.ShouldBe(404);
    }

    [Theory]
    [InlineData("""{"email":"\ud800","subject":"x","message":"$token"}""")]
    [InlineData("""{"email":"ann@example.com","subject":"\ud800","message":"$token"}""")]
    [InlineData("""{"email":"ann@example.com","subject":"x","message":"$token \udc00"}""")]
    [InlineData("""{"email":"ann@example.com","subject":"x","message":"$token","ttl":"\ud800"}""")]
    [InlineData("{\"email\":\"ann@example.com\",\"subject\":\"x\",\"message\":\"$token \u00ff\"}")]
    public async Task What_is_no_unicode_is_refused(string body)
    {
        // In Latin-1 the ÿ is a byte that UTF-8 does not have.
        var answer = await _portal.NewProgram()
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
    public async Task What_is_no_object_is_refused(string body) =>
        (await _portal.NewProgram()
            .SendAsync(HttpMethod.Post, "/jotp/sessions", new StringContent(body), ("Authorization", Credentials))).Status.ShouldBe(400);

    [Fact]
    public async Task Too_much_is_refused()
    {
        (await BeginAsync(Wish(Someone.New(), ("message", "$token" + new string('a', 1_100_000))))).Status.ShouldBe(413);
        (await _portal.NewProgram()
            .SendAsync(HttpMethod.Post, "/jotp/sessions", new StringContent(new string('[', 5000)), ("Authorization", Credentials))).Status
            .ShouldBe(400, "too deep");
    }

    [Fact]
    public async Task The_store_holds_no_token()
    {
        var (_, token) = await StartAsync();

        _portal.Dump().Entries.Where(entry => entry.Key.StartsWith("code:jotp:", StringComparison.Ordinal)).ShouldNotBeEmpty();
        _portal.Dump().Entries.ShouldAllBe(entry => !entry.Content.Contains("=" + token, StringComparison.Ordinal));
        _portal.Log.Text.ShouldNotContain(token);
    }
}
