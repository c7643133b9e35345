using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Delivery;

/// <summary>The development mailbox at <c>/dev/mailbox</c>.</summary>
public sealed class MailboxTests
{
    [Fact]
    public async Task Shows_the_last_100_messages_newest_first()
    {
        await using var portal = await PortalHost.StartAsync(("LIMIT_SENDS_PER_IP", "1000/900"));
        (await portal.NewBrowser().GetAsync("/dev/mailbox")).Text.ShouldContain("No messages yet");
        var addresses = Enumerable.Range(0, 103).Select(_ => TestUser.New()).ToList();
        var browser = portal.NewApiClient();
        foreach (var address in addresses)
        {
            await browser.PostAsync("/login", ("email", address));
            await portal.CodeForAsync(address);
        }

        var answer = await browser.GetAsync("/dev/mailbox.json");

        answer.Status.ShouldBe(200);
        answer.Header("Cache-Control").ShouldBe("no-store");
        var messages = answer.Json.EnumerateArray().ToList();
        messages[0].EnumerateObject().Select(property => property.Name).ShouldBe(["to", "subject", "text", "html", "sent_at"]);
        messages.Select(message => message.GetProperty("to").GetString()).ShouldBe(Enumerable.Reverse(addresses).Take(100));
        var page = await portal.NewBrowser().GetAsync("/dev/mailbox");
        page.Text.ShouldContain(addresses[^1]);
        page.Text.ShouldNotContain(addresses[0] + " ");
        page.Page.QuerySelectorAll("iframe").Length.ShouldBe(100);
        page.Page.QuerySelectorAll("iframe").ShouldAllBe(frame => frame.GetAttribute("sandbox") == "");
    }

    [Fact]
    public async Task Returns_404_in_Production_with_a_real_mail_transport()
    {
        await using var portal =
            await PortalHost.StartInProductionAsync(("MAIL_TRANSPORT", "smtp"), ("SMTP_HOST", "127.0.0.1"), ("SMTP_PORT", "1"));

        (await portal.NewBrowser().GetAsync("/dev/mailbox")).Status.ShouldBe(404);
        (await portal.NewApiClient().GetAsync("/dev/mailbox.json")).Status.ShouldBe(404);
    }

    [Fact]
    public async Task Is_available_in_Production_when_configured_explicitly()
    {
        await using var portal = await PortalHost.StartInProductionAsync();

        await portal.SignInAsync(TestUser.New());
        (await portal.NewBrowser().GetAsync("/dev/mailbox")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Is_available_in_Development_with_every_transport()
    {
        await using var portal = await PortalHost.StartAsync(("MAIL_TRANSPORT", "smtp"), ("SMTP_HOST", "127.0.0.1"), ("SMTP_PORT", "1"));

        (await portal.NewApiClient().GetAsync("/dev/mailbox.json")).Body.ShouldBe("[]");
    }
}
