using System.Text.RegularExpressions;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.SignIn;

/// <summary>Nobody learns from the portal who may sign in.</summary>
public sealed partial class EnumerationTests
{
    private static readonly string[] s_changing = ["Date", "Set-Cookie"];

    [Fact]
    public async Task An_address_that_may_not_sign_in_gets_the_same_answers_and_no_mail()
    {
        await using var portal = await PortalHost.StartAsync(("ALLOWED_EMAILS", "ann@example.com, *@friends.example"));
        var (friend, stranger) = ("joe@friends.example", "eve@enemies.example");

        var ours = await WalkAsync(portal, friend);
        var theirs = await WalkAsync(portal, stranger);

        theirs.ShouldBe(ours);
        (await portal.CodesAsync(stranger)).ShouldBeEmpty();
        (await portal.CodesAsync(friend)).ShouldNotBeEmpty();
    }

    [Fact]
    public async Task Listed_addresses_and_domains_may_sign_in()
    {
        await using var portal = await PortalHost.StartAsync(("ALLOWED_EMAILS", "Ann@Example.com, *@friends.example"));

        await portal.SignInAsync("ann@example.com");
        await portal.SignInAsync("anybody@friends.example");
        var browser = portal.NewProgram();
        await browser.PostAsync("/login", ("email", "eve@sub.friends.example"));
        await portal.Clock.AdvanceUntilAsync(async () => (await browser.GetAsync("/login/code", ("Accept", "text/html"))).Text.Contains("Handed", StringComparison.Ordinal), TimeSpan.FromMilliseconds(20));
        (await portal.CodesAsync("eve@sub.friends.example")).ShouldBeEmpty("a subdomain is another domain");
    }

    [Theory]
    [InlineData("joe@friends.example")]
    [InlineData("eve@enemies.example")]
    public async Task While_mail_does_not_leave_the_page_says_so_to_friends_and_strangers_alike(string email)
    {
        // Nobody listens on that port: the queue tries again and again.
        await using var portal = await PortalHost.StartAsync(
            ("ALLOWED_EMAILS", "*@friends.example"), ("MAIL_TRANSPORT", "smtp"), ("SMTP_HOST", "127.0.0.1"), ("SMTP_TLS", "none"), ("SMTP_PORT", FreePort.Next().ToString(null, null)));
        await portal.NewBrowser().PostAsync("/login", ("email", "first@friends.example"));
        await Eventually.BeTrueAsync(() => portal.Log.Text.Contains("next try", StringComparison.Ordinal));
        var browser = portal.NewBrowser();
        await browser.PostAsync("/login", ("email", email));

        // Timers go off on the way; the message stays on its way until patience ends.
        for (var second = 0; second < 59; second++)
        {
            portal.Clock.Advance(TimeSpan.FromSeconds(1));
            (await browser.GetAsync("/login/code")).Find(".portal-progress")!.TextContent.ShouldBe("The message is on its way…");
        }
        portal.Clock.Advance(TimeSpan.FromSeconds(2));
        (await browser.GetAsync("/login/code")).Find(".portal-progress")!.TextContent.ShouldBe("The message could not be sent. Please try again.");
    }

    // Everything that a stranger can see on the way, but for what differs from one sign-in to the next anyway.
    private static async Task<string> WalkAsync(PortalHost portal, string email)
    {
        var seen = new List<string>();
        var page = portal.NewBrowser();
        seen.Add(Describe(await page.PostAsync("/login", ("email", email)), email));
        await portal.Clock.AdvanceUntilAsync(async () => (await page.GetAsync("/login/code")).Text.Contains("Handed", StringComparison.Ordinal), TimeSpan.FromMilliseconds(1));
        var status = await page.GetAsync("/login/code");
        seen.Add($"{status.Status} {Clock().Replace(status.Text, "0:00").Replace(email, "EMAIL", StringComparison.Ordinal)}");

        var program = portal.NewProgram();
        seen.Add(Describe(await program.PostAsync("/login", ("email", email)), email));
        for (var i = 0; i < 6; i++) seen.Add(Describe(await program.PostAsync("/login-otp", ("code", "000000")), email));
        program = portal.NewProgram();
        await program.PostAsync("/login", ("email", email));
        portal.Clock.Advance(TimeSpan.FromSeconds(30));
        seen.Add(Describe(await program.PostAsync("/login/resend"), email));
        portal.Clock.Advance(TimeSpan.FromSeconds(270));
        seen.Add(Describe(await program.PostAsync("/login-otp", ("code", "000000")), email));
        return string.Join('\n', seen);
    }

    private static string Describe(Answer answer, string email)
    {
        var headers = answer.Headers.Concat(answer.ContentHeaders).Where(header => !s_changing.Contains(header.Key)).Select(header => $"{header.Key}: {string.Join(',', header.Value)}");
        var cookies = answer.Cookies.Select(cookie => $"{cookie.Name}={cookie.Value.Length} {string.Join(' ', cookie.Attributes.Where(a => a.Key != "expires"))}");
        var body = Flow().Replace(answer.Body, "\"flow\":\"FLOW\"").Replace(email, "EMAIL", StringComparison.Ordinal);
        return $"{answer.Status} {string.Join(" | ", headers)} {string.Join(" | ", cookies)} {body}";
    }

    [GeneratedRegex("\"flow\":\"[A-Za-z0-9]{32}\"", RegexOptions.None, 1000)]
    private static partial Regex Flow();

    [GeneratedRegex("[0-9]:[0-9]{2}", RegexOptions.None, 1000)]
    private static partial Regex Clock();
}
