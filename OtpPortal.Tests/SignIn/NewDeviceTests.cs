using System.Text.Json;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.SignIn;

/// <summary>Tests the notification about a sign-in from a new device.</summary>
public sealed class NewDeviceTests(PortalHost portal) : IClassFixture<PortalHost>
{
    private const string Firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    private const string NewerFirefox = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0";
    private const string Phone =
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 "
            + "Safari/604.1";

    [Fact]
    public async Task Notifies_once_about_each_new_device_except_the_first()
    {
        var email = TestUser.New();
        await SignInAsync(portal, email, Firefox);
        await SignInAsync(portal, email, NewerFirefox);

        await SignInAsync(portal, email, Phone);

        var notice = await Eventually.GetAsync(
            async () => (await NoticesAsync(portal, email)).Cast<JsonElement?>().FirstOrDefault() as object) as JsonElement?;
        notice!.Value.GetProperty("text").GetString().ShouldNotBeNull().ShouldContain("Safari on iPhone");
        notice.Value.GetProperty("text").GetString()!.ShouldContain("127.");
        (await NoticesAsync(portal, email)).Count.ShouldBe(1, "neither the first device nor its next browser version triggers a notice");

        await SignInAsync(portal, email, Phone);
        await SignInAsync(portal, email, Firefox);
        (await NoticesAsync(portal, email)).Count.ShouldBe(1, "a known device triggers no notice");
    }

    [Fact]
    public async Task NEW_DEVICE_MAIL_false_disables_the_notification()
    {
        await using var quiet = await PortalHost.StartAsync(("NEW_DEVICE_MAIL", "false"));
        var email = TestUser.New();
        await SignInAsync(quiet, email, Firefox);
        await SignInAsync(quiet, email, Phone);
        // Messages are delivered in order, so a notification would have arrived before this code.
        await SignInAsync(quiet, email, Firefox);

        (await NoticesAsync(quiet, email)).ShouldBeEmpty();
    }

    private static async Task SignInAsync(PortalHost portal, string email, string userAgent)
    {
        // Stay below the rate limits.
        portal.Clock.Advance(TimeSpan.FromMinutes(16));
        var browser = portal.NewBrowser();
        browser.Headers["User-Agent"] = userAgent;
        await portal.SignInAsync(email, browser);
    }

    private static async Task<IReadOnlyList<JsonElement>> NoticesAsync(PortalHost portal, string email) =>
    [
        .. (await portal.NewApiClient().GetAsync("/dev/mailbox.json")).Json.EnumerateArray()
            .Where(message => message.GetProperty("to").GetString() == email
                && message.GetProperty("subject").GetString()!.StartsWith("New sign-in", StringComparison.Ordinal)),
    ];
}
