using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Delivery;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.SignIn;

/// <summary>Responses must not reveal which addresses are allowed to sign in.</summary>
public sealed partial class EnumerationTests
{
    private static readonly string[] s_changing = ["Date", "Set-Cookie"];

    [Fact]
    public async Task A_disallowed_address_gets_identical_responses_and_no_email()
    {
        await using var portal = await PortalHost.StartAsync(("ALLOWED_EMAILS", "ann@example.com, *@friends.example"));
        var (friend, stranger) = ("joe@friends.example", "eve@enemies.example");

        var ours = await RecordResponsesAsync(portal, friend);
        var theirs = await RecordResponsesAsync(portal, stranger);

        theirs.ShouldBe(ours);
        (await portal.CodesAsync(stranger)).ShouldBeEmpty();
        (await portal.CodesAsync(friend)).ShouldNotBeEmpty();
    }

    [Fact]
    public async Task Listed_addresses_and_domains_can_sign_in()
    {
        await using var portal = await PortalHost.StartAsync(("ALLOWED_EMAILS", "Ann@Example.com, *@friends.example"));

        await portal.SignInAsync("ann@example.com");
        await portal.SignInAsync("anybody@friends.example");
        var browser = portal.NewApiClient();
        await browser.PostAsync("/login", ("email", "eve@sub.friends.example"));
        await portal.Clock.AdvanceUntilAsync(async () => (await browser.GetAsync(
            "/login/code", ("Accept", "text/html"))).Text.Contains("Sent.", StringComparison.Ordinal), TimeSpan.FromSeconds(1));
        (await portal.CodesAsync("eve@sub.friends.example")).ShouldBeEmpty("a subdomain is another domain");
    }

    [Theory]
    [InlineData("accepted")]
    [InlineData("refused")]
    [InlineData("misconfigured")]
    [InlineData("temporary")]
    [InlineData("hangs")]
    public async Task The_shown_delivery_status_is_independent_of_the_provider_outcome(string fate)
    {
        var provider = new StubProvider { Outcome = fate };
        await using var portal = await PortalHost.StartWithAsync(
            builder => builder.Services.AddSingleton(FakeProviders.Only(provider)), null, ("ALLOWED_EMAILS", "*@friends.example"));
        // Traffic of other users, before and during the comparison.
        await portal.NewBrowser().PostAsync("/login", ("email", "first@friends.example"));
        await Eventually.BeTrueAsync(() => provider.Asked == 1);
        var (friend, stranger) = (portal.NewBrowser(), portal.NewBrowser());
        await friend.PostAsync("/login", ("email", "joe@friends.example"));
        await stranger.PostAsync("/login", ("email", "eve@enemies.example"));

        async Task<string> SeesAsync(BrowserClient browser) => (await browser.GetAsync("/login/code")).Find(".portal-progress")!.OuterHtml;
        var seen = new List<string>();
        for (var second = 0; second < 70; second += second < 5 ? 1 : 13)
        {
            seen.Add(await SeesAsync(friend));
            (await SeesAsync(stranger)).ShouldBe(seen[^1], $"after {second} s");
            portal.Clock.Advance(TimeSpan.FromSeconds(second < 5 ? 1 : 13));
        }

        seen[0].ShouldContain("Sending…");
        seen[1].ShouldBe(seen[0]);
        seen.Skip(2).ShouldAllBe(text => text.Contains("Sent.", StringComparison.Ordinal));
        provider.Outcome = "accepted";
    }

    [Fact]
    public async Task A_full_delivery_queue_does_not_reveal_allowed_addresses()
    {
        var provider = new StubProvider { Outcome = "hangs" };
        await using var portal = await PortalHost.StartWithAsync(
            builder => builder.Services.AddSingleton(FakeProviders.Only(provider)), null, ("ALLOWED_EMAILS", "*@friends.example"));
        var queue = portal.Services.GetRequiredService<DeliveryQueue>();
        var message = new OutgoingMessage(new Message("ann@friends.example", "", "", ""), portal.Clock.GetUtcNow().AddMinutes(5), _ => { });
        while (queue.TryEnqueue(message))
        {
        }

        (await RecordResponsesAsync(portal, "joe@friends.example")).ShouldBe(await RecordResponsesAsync(portal, "eve@enemies.example"));
        provider.Outcome = "accepted";
    }

    [Theory]
    [InlineData("x..1@friends.example")]
    [InlineData("x..1@enemies.example")]
    [InlineData(".x@friends.example")]
    [InlineData("x.@friends.example")]
    public async Task An_address_that_SMTP_cannot_transport_is_rejected_for_everyone(string email)
    {
        await using var portal = await PortalHost.StartAsync(("ALLOWED_EMAILS", "*@friends.example"));

        var answer = await portal.NewApiClient().PostAsync("/login", ("email", email));

        (answer.Status, answer.Body).ShouldBe((400, """{"error":"invalid_email"}"""));
    }

    // Records every observable response of a sign-in, with the values that always differ replaced.
    private static async Task<string> RecordResponsesAsync(PortalHost portal, string email)
    {
        var seen = new List<string>();
        var page = portal.NewBrowser();
        seen.Add(Describe(await page.PostAsync("/login", ("email", email)), email));
        await portal.Clock.AdvanceUntilAsync(
            async () => (await page.GetAsync("/login/code")).Text.Contains("Sent.", StringComparison.Ordinal), TimeSpan.FromSeconds(1));
        var status = await page.GetAsync("/login/code");
        seen.Add($"{status.Status} {Clock().Replace(status.Text, "0:00").Replace(email, "EMAIL", StringComparison.Ordinal)}");

        var program = portal.NewApiClient();
        seen.Add(Describe(await program.PostAsync("/login", ("email", email)), email));
        for (var i = 0; i < 6; i++) seen.Add(Describe(await program.PostAsync("/login-otp", ("code", "000000")), email));
        program = portal.NewApiClient();
        await program.PostAsync("/login", ("email", email));
        portal.Clock.Advance(TimeSpan.FromSeconds(30));
        seen.Add(Describe(await program.PostAsync("/login/resend"), email));
        portal.Clock.Advance(TimeSpan.FromSeconds(270));
        seen.Add(Describe(await program.PostAsync("/login-otp", ("code", "000000")), email));
        return string.Join('\n', seen);
    }

    private static string Describe(Answer answer, string email)
    {
        var headers = answer.Headers.Concat(answer.ContentHeaders).Where(header => !s_changing.Contains(header.Key))
            .Select(header => $"{header.Key}: {string.Join(',', header.Value)}");
        var cookies = answer.Cookies.Select(
            cookie => $"{cookie.Name}={cookie.Value.Length} {string.Join(' ', cookie.Attributes.Where(a => a.Key != "expires"))}");
        var body = Flow().Replace(answer.Body, "\"flow\":\"FLOW\"").Replace(email, "EMAIL", StringComparison.Ordinal);
        return $"{answer.Status} {string.Join(" | ", headers)} {string.Join(" | ", cookies)} {body}";
    }

    private sealed class StubProvider : IMessageProvider
    {
        private int _asked;

        public string Name => "fate";

        public int Asked => _asked;

        public string Outcome { get; set; } = "accepted";

        public async Task<SendOutcome> SendAsync(Message message, CancellationToken stop)
        {
            Interlocked.Increment(ref _asked);
            if (Outcome == "hangs") await Task.Delay(Timeout.InfiniteTimeSpan, stop);
            return Outcome switch
            {
                "refused" => new SendOutcome.Refused("no"),
                "misconfigured" => new SendOutcome.Misconfigured("wrong"),
                "temporary" => new SendOutcome.Temporary("busy"),
                _ => new SendOutcome.Accepted(),
            };
        }
    }

    [GeneratedRegex("\"flow\":\"[A-Za-z0-9]{32}\"", RegexOptions.None, 1000)]
    private static partial Regex Flow();

    [GeneratedRegex("[0-9]:[0-9]{2}", RegexOptions.None, 1000)]
    private static partial Regex Clock();
}
