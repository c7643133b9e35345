using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Delivery;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Admin;

/// <summary>The diagnostics page.</summary>
public sealed class SelfCheckTests(PortalHost portal) : IClassFixture<PortalHost>
{
    private static string Finding(Answer page, string subject)
    {
        var name = page.Page.QuerySelectorAll("dt").Single(item => item.TextContent.Trim() == subject);
        return string.Join(' ', name.NextElementSibling!.TextContent.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task Shows_the_request_details_that_the_portal_sees()
    {
        var admin = await portal.OpenAdministrationAsync();

        var page = await admin.GetAsync("/admin/check");

        page.Status.ShouldBe(200);
        page.Header("Cache-Control").ShouldBe("no-store");
        Finding(page, "Public URL").ShouldStartWith(portal.Address.GetLeftPart(UriPartial.Authority));
        Finding(page, "Scheme").ShouldBe("http OK");
        Finding(page, "Host").ShouldEndWith("OK");
        Finding(page, "Client address").ShouldBe($"{admin.Source} OK");
        Finding(page, "Peer address").ShouldBe($"{admin.Source} OK");
        Finding(page, "Proxy").ShouldBe("none detected OK");
        Finding(page, "Session cookie").ShouldBe("auth_token=TOKEN; max-age=604800; path=/; samesite=lax; httponly OK");
        Finding(page, "Codes and limits").ShouldContain(" ms ");
        Finding(page, "Tokens and keys").ShouldContain(" ms ");
        Finding(page, "Clock difference to “Tokens and keys”").ShouldContain(
            "Problem The clocks differ", Case.Sensitive, "the portal's clock stands still in tests");
        Finding(page, "Transport").ShouldStartWith("mailbox");
        page.Body.ShouldNotContain(PortalHost.Secret);
    }

    [Fact]
    public async Task Reports_an_untrusted_proxy_and_its_ignored_headers()
    {
        var admin = await portal.OpenAdministrationAsync();

        var page = await admin.GetAsync("/admin/check", ("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"));

        Finding(page, "Proxy").ShouldContain($"X-Forwarded-For, X-Forwarded-Proto from {admin.Source} was ignored");
        Finding(page, "Client address").ShouldStartWith(admin.Source.ToString());
    }

    [Fact]
    public async Task Behind_a_trusted_proxy_shows_the_client_and_the_proxy_address()
    {
        await using var behind = await PortalHost.StartAsync(
            ("TRUSTED_PROXIES", "127.0.0.0/8"), ("PUBLIC_URL", "https://login.example.com"), ("COOKIE_DOMAIN", "example.com"));
        var admin = await behind.OpenAdministrationAsync();

        var page = await admin.GetAsync("/admin/check", ("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"));
        Finding(page, "Proxy").ShouldBe("trusted (TRUSTED_PROXIES) OK");
        Finding(page, "Client address").ShouldStartWith("203.0.113.9");
        Finding(page, "Peer address").ShouldStartWith(admin.Source.ToString());
        Finding(page, "Scheme").ShouldBe("https OK");
        Finding(page, "Session cookie").ShouldContain("domain=example.com; path=/; secure; samesite=lax; httponly");

        var silent = await admin.GetAsync("/admin/check");
        Finding(silent, "Scheme").ShouldContain("Problem Users connect over https, but the portal receives http");
        Finding(silent, "Proxy").ShouldContain("The proxy sent no X-Forwarded-For");
    }

    [Fact]
    public async Task A_test_message_is_sent_once_and_its_outcome_is_shown_to_the_sender_only()
    {
        var admin = await portal.OpenAdministrationAsync();
        var email = TestUser.New();

        var answer = await admin.PostAsync("/admin/check/message", ("email", email));

        (answer.Status, answer.Location).ShouldBe((303, "/admin/check#message"));
        (await admin.GetAsync("/admin/check")).Text.ShouldContain("The provider accepted the message to s…@example.com.");
        await admin.GetAsync("/admin/check");
        var mails = (await portal.NewApiClient().GetAsync("/dev/mailbox.json")).Json.EnumerateArray()
            .Where(mail => mail.GetProperty("to").GetString() == email).ToList();
        mails.ShouldHaveSingleItem().GetProperty("subject").GetString().ShouldBe("Test message from OTP Portal");
        (await (await portal.OpenAdministrationAsync()).GetAsync("/admin/check")).Text
            .ShouldNotContain("The provider took", Case.Sensitive, "it is this administrator's own");
    }

    [Theory]
    [InlineData("refused", "rejected the message to s…@example.com. Sending it again won't help: because")]
    [InlineData("misconfigured", "until a setting is corrected: because")]
    [InlineData("temporary", "couldn't be sent right now. Codes are retried automatically: because")]
    public async Task Shows_why_a_test_message_failed(string outcome, string text)
    {
        await using var own =
            await PortalHost.StartWithAsync(builder => builder.Services.AddSingleton(FakeProviders.Only(new Failing(outcome))), null);
        var admin = await own.OpenAdministrationAsync();

        await admin.PostAsync("/admin/check/message", ("email", TestUser.New()));

        (await admin.GetAsync("/admin/check")).Text.ShouldContain(text);
    }

    [Theory]
    [InlineData("", "Enter your email address.")]
    [InlineData("nobody", "Enter an email address in the correct format, like name@example.com.")]
    [InlineData("a@example.com,b@example.com", "Enter an email address in the correct format, like name@example.com.")]
    public async Task An_invalid_address_is_rejected_next_to_the_field(string email, string error)
    {
        var admin = await portal.OpenAdministrationAsync();

        var answer = await admin.PostAsync("/admin/check/message", ("email", email));

        answer.Status.ShouldBe(400);
        answer.FieldError.ShouldBe(error);
        answer.Find("#email")!.GetAttribute("value").ShouldBe(email);
    }

    [Fact]
    public async Task Test_messages_count_against_the_send_rate_limit()
    {
        await using var strict = await PortalHost.StartAsync(("LIMIT_SENDS_PER_IP", "2/900"));
        var admin = await strict.OpenAdministrationAsync();
        for (var i = 0; i < 2; i++) (await admin.PostAsync("/admin/check/message", ("email", TestUser.New()))).Status.ShouldBe(303);

        var answer = await admin.PostAsync("/admin/check/message", ("email", TestUser.New()));

        answer.Status.ShouldBe(429);
        answer.RetryAfter.ShouldBe(900);
        answer.FieldError.ShouldNotBeNull().ShouldContain("Nothing was sent.");
    }

    [Fact]
    public async Task Shows_the_state_of_every_provider_and_sends_a_test_message_through_it()
    {
        await using var server = await RecordingServer.StartAsync();
        server.Answer = _ => (403, "");
        await using var own = await PortalHost.StartWithAsync(
            null, server.Address,
            ("SIPGATE_USERNAME", "ann"), ("SIPGATE_PASSWORD", "secret"), ("SIPGATE_API_URL", server.Address.ToString()),
            ("SMS_PROVIDERS", "sipgate_sms,shop"), ("SMS_COUNTRIES", "DE,AT"),
            ("WEBHOOKS", "shop"), ("WEBHOOK_SHOP_URL", server.Address + "shop"));
        var admin = await own.OpenAdministrationAsync();
        Finding(await admin.GetAsync("/admin/check"), "sipgate_sms").ShouldBe("SMS: DE, AT OK");

        (await admin.PostAsync("/admin/check/message", ("provider", "sipgate_sms"), ("email", "+49 171 1234567"))).Status.ShouldBe(303);

        var page = await admin.GetAsync("/admin/check");
        page.Text.ShouldContain("Nothing can be sent to +49…67 or anyone else until a setting is corrected: SIPGATE_SMS_ID");
        Finding(page, "sipgate_sms").ShouldStartWith(
            "SMS: DE, AT Problem It accepts no messages until a setting is corrected (2026-03-01 12:00:00 UTC): SIPGATE_SMS_ID");
        Finding(page, "shop").ShouldBe("shop: DE, AT OK", "no other provider was called");
        Finding(page, "mailbox").ShouldBe("Mailbox OK");
        Finding(page, "SMS, in this order").ShouldBe("sipgate_sms → shop OK");
        page.Page.QuerySelectorAll("#provider option").Select(option => option.GetAttribute("value"))
            .ShouldBe(["sipgate_sms", "shop", "mailbox"]);
        for (var i = 0; i < 4; i++)
        {
            await admin.PostAsync("/admin/check/message", ("provider", "sipgate_sms"), ("email", "+49 171 1234567"));
        }
        Finding(await admin.GetAsync(
            "/admin/check"), "sipgate_sms").ShouldEndWith("It is paused until 2026-03-01 12:00:30 UTC after repeated failures.");
        page.Text.ShouldNotContain("1234567");
        (await admin.PostAsync("/admin/check/message", ("provider", "shop"), ("email", "order-1"))).Status
            .ShouldBe(400, "a provider with SMS limits accepts only phone numbers");
    }

    [Fact]
    public async Task Names_the_limit_that_blocks_a_test_SMS()
    {
        await using var own = await PortalHost.StartAsync(("SIPGATE_USERNAME", "ann"), ("SIPGATE_PASSWORD", "secret"));
        var admin = await own.OpenAdministrationAsync();

        await admin.PostAsync("/admin/check/message", ("provider", "sipgate_sms"), ("email", "+49 171 1234567"));

        var page = await admin.GetAsync("/admin/check");
        page.Text.ShouldContain("Nothing was sent to +49…67 because of a limit: SMS_COUNTRIES");
        Finding(page, "sipgate_sms").ShouldContain("It sends nothing because SMS_COUNTRIES names no country");
    }

    [Theory]
    [InlineData("sipgate_sms", "ann@example.com", "Enter an address that this provider can reach (Phone number).")]
    [InlineData("nobody", "ann@example.com", null)]
    public async Task A_test_message_needs_a_known_provider_and_an_address_that_it_supports(string provider, string address, string? error)
    {
        await using var own = await PortalHost.StartAsync(("SIPGATE_USERNAME", "ann"), ("SIPGATE_PASSWORD", "secret"));
        var admin = await own.OpenAdministrationAsync();

        var answer = await admin.PostAsync("/admin/check/message", ("provider", provider), ("email", address));

        answer.Status.ShouldBe(400);
        if (error is not null) answer.FieldError.ShouldBe(error);
    }

    private static IEnumerable<string> Missing(Answer page) =>
        page.Page.QuerySelectorAll(".admin-todo strong").Select(setting => setting.TextContent);

    [Fact]
    public async Task Lists_what_is_missing_for_production_in_order_of_importance()
    {
        await using var own = await PortalHost.StartAsync(("AUTH_SECRET_KEY", "only-20-characters-x"));
        var browser = own.NewBrowser();
        await browser.PostAsync("/admin/login", ("key", "only-20-characters-x"));

        var page = await browser.GetAsync("/admin/check");

        Missing(page).ShouldBe(
        [
            "PUBLIC_URL", "ASPNETCORE_ENVIRONMENT", "MAIL_TRANSPORT", "MAIL_FROM", "AUTH_SECRET_KEY", "ALLOWED_EMAILS", "ADMIN_EMAILS",
        ]);
        page.Body.ShouldNotContain("only-20-characters-x");
    }

    [Fact]
    public async Task Nothing_is_missing_when_everything_is_set()
    {
        await using var own = await PortalHost.StartInProductionAsync(
            ("PUBLIC_URL", "https://login.shop.dev"), ("TRUSTED_PROXIES", "127.0.0.0/8"), ("ADMIN_EMAILS", "boss@shop.dev"),
            ("ALLOWED_EMAILS", "*@shop.dev"), ("SMTP_HOST", "127.0.0.1"), ("MAIL_TRANSPORT", "smtp"));
        var browser = own.NewBrowser();
        browser.Headers["X-Forwarded-Proto"] = "https";
        await browser.PostAsync("/admin/login", ("key", PortalHost.Secret));

        var page = await browser.GetAsync("/admin/check");

        Missing(page).ShouldBeEmpty();
        page.Text.ShouldContain("Everything that can be checked here is in place.");
    }

    [Fact]
    public async Task An_https_portal_without_a_trusted_proxy_is_reported()
    {
        await using var own = await PortalHost.StartAsync(("PUBLIC_URL", "https://login.shop.dev"));
        var admin = await own.OpenAdministrationAsync();

        Missing(await admin.GetAsync("/admin/check")).ShouldContain("TRUSTED_PROXIES");
    }

    [Fact]
    public async Task The_report_has_every_finding_and_no_secrets()
    {
        await using var own = await PortalHost.StartAsync(("SIPGATE_USERNAME", "ann"), ("SIPGATE_PASSWORD", "hush-hush"));
        var admin = await own.OpenAdministrationAsync();

        var page = await admin.GetAsync("/admin/check");

        var report = page.Find("#report")!.TextContent;
        foreach (var subject in page.Page.QuerySelectorAll("dt, .admin-todo strong"))
        {
            report.ShouldContain($"- {subject.TextContent.Trim()}: ");
        }
        page.Find("button[data-copy=report]")!.HasAttribute("hidden").ShouldBeTrue("copying needs script");
        foreach (var secret in (string[])[PortalHost.Secret, "hush-hush"]) page.Body.ShouldNotContain(secret);
    }

    private sealed class Failing(string outcome) : IMessageProvider
    {
        public string Name => "failing";

        public Task<SendOutcome> SendAsync(Message message, CancellationToken stop) => Task.FromResult<SendOutcome>(outcome switch
        {
            "refused" => new SendOutcome.Refused("because"),
            "misconfigured" => new SendOutcome.Misconfigured("because"),
            _ => new SendOutcome.Temporary("because"),
        });
    }
}
