using System.Text.RegularExpressions;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Http;

/// <summary>The log and the databases contain nothing that allows signing in.</summary>
public sealed partial class SecrecyTests
{
    [Fact]
    public async Task The_log_and_the_store_contain_no_codes_or_tokens()
    {
        await using var portal = await PortalHost.StartAsync(("DEBUG", "true"), ("OTP_CODE_LENGTH", "12"));
        var email = TestUser.New();
        var seen = new List<string>();

        var browser = portal.NewBrowser();
        await browser.PostAsync("/login", ("email", email));
        var flow = browser.Cookies["otp_flow"];
        await browser.GetAsync("/login/code");
        await browser.PostAsync("/login-otp", ("code", "000000000000"));
        portal.Clock.Advance(TimeSpan.FromSeconds(30));
        await browser.PostAsync("/login/resend");
        seen.AddRange(await portal.CodesForAsync(email, 2));
        seen.Add(flow);
        ShouldNotContainSecrets(portal, seen, email);

        await browser.PostAsync("/login-otp", ("code", seen[1]));
        seen.Add(browser.Cookies["auth_token"]);
        await browser.GetAsync("/");
        await browser.GetAsync("/check-auth");
        seen.Add(browser.Cookies["auth_token"]);
        await portal.NewApiClient().GetAsync("/check-auth", ("Authorization", $"Bearer {seen[^1]}"));
        await portal.NewApiClient().GetAsync("/auth-tokens?details=true", ("Authorization", $"Bearer {PortalHost.Secret}"));
        seen.Add(PortalHost.Secret);
        ShouldNotContainSecrets(portal, seen, email);

        await browser.PostAsync("/logout/others");
        await browser.PostAsync("/logout");
        ShouldNotContainSecrets(portal, seen, email);
    }

    [Fact]
    public async Task Stored_keys_expire_or_are_bounded()
    {
        await using var portal = await PortalHost.StartAsync();
        var browser = await portal.SignInAsync(TestUser.New());
        await browser.GetAsync("/check-auth");
        await portal.NewApiClient().PostAsync("/login", ("email", TestUser.New()));
        await portal.NewApiClient().GetAsync("/auth-tokens", ("Authorization", "Bearer wrong"));

        // Keys without expiry are bounded: the cleanup prunes the indexes, the audit log is trimmed, and keys are few.
        portal.Dump().WithoutExpiry.Where(key => key.Split(':')[0] is not ("created" or "seen" or "address"))
            .ShouldBeSubsetOf(["audit", "dataprotection:keys", "jwt:keys"]);
    }

    [Fact]
    public async Task Signing_out_removes_the_address_from_the_token_store()
    {
        await using var portal = await PortalHost.StartAsync();
        var email = TestUser.New();
        var browser = await portal.SignInAsync(email);
        await browser.GetAsync("/check-auth");

        await browser.PostAsync("/logout");

        portal.Dump().Entries
            .Where(entry => (entry.Key + entry.Content).Contains(email, StringComparison.Ordinal)
                && !entry.Key.StartsWith("code:", StringComparison.Ordinal))
            .ShouldBeEmpty();
    }

    private static void ShouldNotContainSecrets(PortalHost portal, IEnumerable<string> secrets, string email)
    {
        var (log, dump) = (portal.Log.Text, portal.Dump().Text);
        log.ShouldNotBeEmpty();
        dump.ShouldNotBeEmpty();
        foreach (var secret in secrets)
        {
            log.Contains(secret, StringComparison.Ordinal).ShouldBeFalse($"the log holds {Describe(secret)}");
            dump.Contains(secret, StringComparison.Ordinal).ShouldBeFalse($"the store holds {Describe(secret)}");
        }
        log.Contains(email, StringComparison.OrdinalIgnoreCase)
            .ShouldBeFalse(
                "the log holds a whole address: " + log.Split('\n').FirstOrDefault(line => line.Contains(email, StringComparison.Ordinal)));
    }

    private static string Describe(string secret) =>
        Digits().IsMatch(secret) ? "a code" : secret == PortalHost.Secret ? "the secret key" : "a token or the id of a sign-in";

    [GeneratedRegex("^[0-9]+$", RegexOptions.None, 1000)]
    private static partial Regex Digits();
}
