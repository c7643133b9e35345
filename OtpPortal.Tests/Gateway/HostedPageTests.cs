using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Gateway;

/// <summary>Tests the hosted pages without JavaScript.</summary>
public sealed class HostedPageTests(GatewayPortal gateway) : IClassFixture<GatewayPortal>
{
    private readonly GatewayClient _app = gateway.App;
    private readonly BrowserClient _visitor = gateway.Host.NewBrowser();

    [Fact]
    public async Task The_correct_code_verifies_and_the_backend_sees_the_success()
    {
        var (id, code) = await _app.BeginAsync();
        (await _visitor.GetAsync("/otp/MyApp/" + id)).Find("input#otp").ShouldNotBeNull();

        var answer = await _visitor.PostAsync("/otp/MyApp/" + id, ("action", "check"), ("otp", code[..3] + " " + code[3..]));

        (answer.Status, answer.Location).ShouldBe((303, "/otp/MyApp/" + id));
        (await _visitor.GetAsync("/otp/MyApp/" + id)).Text.ShouldContain("You can close this page");
        (await _app.StatusAsync(id)).Status.ShouldBe(200, "the record is kept until the backend asks for the result");
    }

    [Fact]
    public async Task Opening_the_link_in_the_message_does_not_verify()
    {
        var (id, code) = await _app.BeginAsync();

        var page = await _visitor.GetAsync($"/otp/MyApp/{id}?otp={code}");
        await _visitor.SendAsync(HttpMethod.Head, $"/otp/MyApp/{id}?otp={code}&action=check", null);

        page.Find("input#otp")!.GetAttribute("value").ShouldBe(code);
        page.Find("input#otp")!.HasAttribute("data-code-length").ShouldBeFalse("and a script must not submit it");
        page.Header("Cache-Control")!.ShouldContain("no-store");
        (await _app.StatusAsync(id)).Status.ShouldBe(400);
        (await _app.CheckAsync(id, code)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_wrong_code_shows_the_remaining_attempts_and_the_last_one_locks_the_id()
    {
        var (id, code) = await _app.BeginAsync(("max_attempts", "2"), ("ttl", "100"));

        await _visitor.PostAsync("/otp/MyApp/" + id, ("action", "check"), ("otp", GatewayClient.WrongCode(code)));
        (await _visitor.GetAsync("/otp/MyApp/" + id)).FieldError.ShouldBe("Incorrect code. 1 attempt left.");
        await _visitor.PostAsync("/otp/MyApp/" + id, ("action", "check"), ("otp", GatewayClient.WrongCode(code)));
        await _visitor.PostAsync("/otp/MyApp/" + id, ("action", "check"), ("otp", code));

        (await _visitor.GetAsync("/otp/MyApp/" + id)).Text.ShouldContain("Too many attempts");
        (await _app.StatusAsync(id)).Status.ShouldBe(400);
    }

    [Fact]
    public async Task An_incomplete_code_does_not_count_as_an_attempt()
    {
        var (id, code) = await _app.BeginAsync(("max_attempts", "1"));

        var answer = await _visitor.PostAsync($"/otp/MyApp/{id}?view=popup", ("action", "check"), ("otp", "123"));

        answer.Status.ShouldBe(400);
        answer.FieldError.ShouldBe("Enter all 6 digits.");
        answer.Find("form")!.GetAttribute("action").ShouldBe($"/otp/MyApp/{id}?view=popup", "it stays in its frame");
        (await _app.CheckAsync(id, code)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task The_page_asks_once_for_an_address_that_the_backend_omitted()
    {
        var (id, to) = (GatewayClient.NewId(), TestUser.New());
        await _app.PutAsync(id, ("provider", "mailbox"), ("otp", "998877"), ("address_description", "Where shall we write to?"));

        var first = await _visitor.GetAsync("/otp/MyApp/" + id);
        (first.Status, first.Location).ShouldBe((303, $"/otp/MyApp/{id}/address"));
        (await _visitor.GetAsync($"/otp/MyApp/{id}/address")).Text.ShouldContain("Where shall we write to?");
        var mistake = await _visitor.PostAsync($"/otp/MyApp/{id}/address", ("to", "nonsense"));
        (mistake.Status, mistake.Find("input#to")!.GetAttribute("value")).ShouldBe((400, "nonsense"));
        mistake.FieldError.ShouldNotBeNull();
        (await _visitor.PostAsync($"/otp/MyApp/{id}/address", ("to", to))).Location.ShouldBe("/otp/MyApp/" + id);

        (await gateway.Host.CodeForAsync(to)).ShouldBe("998877");
        var stranger = TestUser.New();
        (await _visitor.PostAsync($"/otp/MyApp/{id}/address", ("to", stranger))).Location.ShouldBe("/otp/MyApp/" + id);
        (await gateway.Host.CodesAsync(stranger)).ShouldBeEmpty("it is named once");
        (await _visitor.PostAsync("/otp/MyApp/" + id, ("otp", "998877"))).Status.ShouldBe(303);
        (await _app.StatusAsync(id)).Json.GetProperty("data").GetProperty("to").GetString().ShouldBe(to);
    }

    [Fact]
    public async Task The_address_page_is_rate_limited_per_client()
    {
        await using var portal = await PortalHost.StartAsync(("NAMESPACES", "MyApp:secret"), ("LIMIT_SENDS_PER_IP", "2/900"));
        var (app, visitor) = (new GatewayClient(portal, "MyApp", "secret"), portal.NewBrowser());
        var answers = new List<Answer>();
        for (var i = 0; i < 3; i++)
        {
            var id = GatewayClient.NewId();
            await app.PutAsync(id, ("provider", "mailbox"));
            answers.Add(await visitor.PostAsync($"/otp/MyApp/{id}/address", ("to", TestUser.New())));
        }

        answers.Select(answer => answer.Status).ShouldBe([303, 303, 429]);
        answers[2].RetryAfter.ShouldBe(900);
        answers[2].FieldError.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_resend_repeats_the_code_after_the_cooldown_up_to_max_generate()
    {
        var (id, to) = (GatewayClient.NewId(), TestUser.New());
        await _app.PutAsync(id, ("provider", "mailbox"), ("to", to), ("max_generate", "2"));

        (await _visitor.PostAsync("/otp/MyApp/" + id, ("action", "resend"))).Status.ShouldBe(429, "too soon");
        gateway.Host.Clock.Advance(TimeSpan.FromSeconds(30));
        (await _visitor.PostAsync("/otp/MyApp/" + id, ("action", "resend"))).Status.ShouldBe(303);
        gateway.Host.Clock.Advance(TimeSpan.FromSeconds(30));
        (await _visitor.PostAsync("/otp/MyApp/" + id, ("action", "resend"))).Status.ShouldBe(429, "two is the most");

        var codes = await gateway.Host.CodesAsync(to);
        codes.Count.ShouldBe(2);
        codes[0].ShouldBe(codes[1]);
        (await _app.CheckAsync(id, codes[0])).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Expired_and_nonexistent_verifications_get_identical_pages()
    {
        var (id, _) = await _app.BeginAsync(("ttl", "5"));
        gateway.Host.Clock.Advance(TimeSpan.FromSeconds(5));

        var over = await _visitor.GetAsync("/otp/MyApp/" + id);
        var never = await _visitor.GetAsync("/otp/MyApp/" + GatewayClient.NewId());
        var nobody = await _visitor.GetAsync("/otp/Nobody/" + id);
        var address = await _visitor.GetAsync($"/otp/MyApp/{id}/address");

        over.Status.ShouldBe(410);
        over.Text.ShouldContain("This verification has ended");
        (never.Status, never.Text).ShouldBe((over.Status, over.Text));
        (nobody.Status, nobody.Text).ShouldBe((over.Status, over.Text));
        (address.Status, address.Text).ShouldBe((over.Status, over.Text));
    }

    [Fact]
    public async Task An_open_page_shows_success_after_the_backend_deleted_the_record()
    {
        var (id, code) = await _app.BeginAsync();

        await _app.CheckAsync(id, code);

        (await _visitor.GetAsync($"/otp/MyApp/{id}/status")).Body.ShouldContain("\"closed\":true");
        var page = await _visitor.GetAsync("/otp/MyApp/" + id);
        (page.Status, page.Find("[data-finished]"))
            .ShouldSatisfyAllConditions(pair => pair.Status.ShouldBe(200), pair => pair.Item2.ShouldNotBeNull());
        page.Text.ShouldContain("You can close this page");
        (await _app.StatusAsync(id)).Json.GetProperty("message").GetString()
            .ShouldBe("the OTP does not exist", "only the hosted pages see the result");
    }

    [Fact]
    public async Task Framing_is_denied_by_default()
    {
        var (id, _) = await _app.BeginAsync();

        var page = await _visitor.GetAsync($"/otp/MyApp/{id}?view=popup&origin=https://evil.example");

        page.Header("X-Frame-Options").ShouldBe("DENY");
        page.Header("Content-Security-Policy")!.ShouldContain("frame-ancestors 'none'");
        page.Find("[data-otp-page]")!.GetAttribute("data-origin").ShouldBeNull();
    }

    [Fact]
    public async Task EMBED_ORIGINS_can_frame_the_hosted_pages_only()
    {
        await using var portal =
            await PortalHost.StartAsync(("NAMESPACES", "MyApp:secret"), ("EMBED_ORIGINS", "https://app.example.com,http://localhost:5000"));
        var (id, _) = await new GatewayClient(portal, "MyApp", "secret").BeginAsync();
        var visitor = portal.NewBrowser();

        var page = await visitor.GetAsync($"/otp/MyApp/{id}?view=popup&origin=https://app.example.com");
        var foreign = await visitor.GetAsync($"/otp/MyApp/{id}?view=popup&origin=https://evil.example");
        var start = await visitor.GetAsync("/");

        page.Header("X-Frame-Options").ShouldBeNull();
        page.Header("Content-Security-Policy")!.ShouldContain("frame-ancestors https://app.example.com http://localhost:5000");
        page.Find("[data-otp-page]")!.GetAttribute("data-origin").ShouldBe("https://app.example.com");
        foreign.Find("[data-otp-page]")!.GetAttribute("data-origin").ShouldBeNull("only origins in the settings are notified of a success");
        start.Header("X-Frame-Options").ShouldBe("DENY");
    }

    [Theory]
    [InlineData("https://app.example.com/checkout?step=2", "?view=popup", "https://app.example.com")]
    [InlineData("https://APP.example.com/", "?view=popup", "https://app.example.com")]
    [InlineData("https://evil.example/", "?view=popup", null)]
    [InlineData("https://app.example.com.evil.example/", "?view=popup", null)]
    [InlineData("https://app.example.com/", "?view=popup&origin=https://evil.example", null)]
    [InlineData("https://app.example.com/", "?view=popup&origin=http://localhost:5000", "http://localhost:5000")]
    [InlineData("not an address", "?view=popup", null)]
    [InlineData("https://app.example.com/", "", null)]
    public async Task A_frame_without_an_origin_parameter_uses_an_allowed_referrer(string referrer, string query, string? origin)
    {
        await using var portal = await PortalHost.StartAsync(
            ("NAMESPACES", "MyApp:secret"), ("EMBED_ORIGINS", "https://app.example.com,http://localhost:5000"));
        var (id, code) = await new GatewayClient(portal, "MyApp", "secret").BeginAsync();
        var visitor = portal.NewBrowser();

        var page = await visitor.GetAsync($"/otp/MyApp/{id}{query}", ("Referer", referrer));

        page.Find("[data-otp-page]")!.GetAttribute("data-origin").ShouldBe(origin);
        // The Referer of the next page is the portal itself, so the origin is passed in the URL.
        var action = page.Find("main form")!.GetAttribute("action")!;
        var next = await visitor.PostAsync(action, ("action", "check"), ("otp", code));
        (await visitor.GetAsync(next.Location!)).Find("[data-otp-page]")!.GetAttribute("data-origin").ShouldBe(origin);
    }

    [Fact]
    public async Task Sec_Fetch_Dest_iframe_implies_the_popup_view()
    {
        await using var portal = await PortalHost.StartAsync(("NAMESPACES", "MyApp:secret"), ("EMBED_ORIGINS", "https://app.example.com"));
        var (id, _) = await new GatewayClient(portal, "MyApp", "secret").BeginAsync();

        var page = await portal.NewBrowser().GetAsync(
            "/otp/MyApp/" + id, ("Referer", "https://app.example.com/"), ("Sec-Fetch-Dest", "iframe"));

        page.Find("[data-otp-page]")!.GetAttribute("data-origin").ShouldBe("https://app.example.com");
        page.Find("main form")!.GetAttribute("action").ShouldBe($"/otp/MyApp/{id}?view=popup&origin=https%3A%2F%2Fapp.example.com");
    }

    [Theory]
    [InlineData("a@example.com")]
    [InlineData("two words, é & <b>")]
    [InlineData("path/to/100%")]
    [InlineData("a%2Fb%25c")]
    public async Task The_pages_work_for_ids_with_special_characters(string id)
    {
        id += Guid.NewGuid().ToString("N")[..6];
        var (path, to) = (Uri.EscapeDataString(id), TestUser.New());
        await _app.PutAsync(path, ("provider", "mailbox"), ("otp", "998877"));

        var first = await _visitor.GetAsync("/otp/MyApp/" + path);
        (first.Status, first.Location).ShouldBe((303, $"/otp/MyApp/{path}/address"));
        var address = await _visitor.GetAsync(first.Location!);
        address.Find("[data-otp-page]")!.GetAttribute("data-id").ShouldBe(id);
        var mistake = await _visitor.PostAsync(address.Find("main form")!.GetAttribute("action")!, ("to", "nonsense"));
        (mistake.Status, mistake.Find("input#to")?.GetAttribute("value")).ShouldBe((400, "nonsense"));
        var set = await _visitor.PostAsync(mistake.Find("main form")!.GetAttribute("action")!, ("to", to));
        (set.Status, set.Location).ShouldBe((303, "/otp/MyApp/" + path));
        var page = await _visitor.GetAsync(set.Location!);
        page.Find("[data-otp-page]")!.GetAttribute("data-id").ShouldBe(id);
        var half = await _visitor.PostAsync(page.Find("main form")!.GetAttribute("action")!, ("action", "check"), ("otp", "99"));
        (half.Status, half.FieldError).ShouldBe((400, "Enter all 6 digits."));
        var done = await _visitor.PostAsync(half.Find("main form")!.GetAttribute("action")!, ("action", "check"), ("otp", "998877"));
        (await _visitor.GetAsync(done.Location!)).Text.ShouldContain("You can close this page");
        (await _app.StatusAsync(path)).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("/otp/MyApp/%0d%0aabcdef")]
    [InlineData("/otp/MyApp/%0d%0aabcdef/address")]
    [InlineData("/otp/My%0d%0aApp/abcdef")]
    [InlineData("/otp/MyApp/abc%00def")]
    [InlineData("/otp/MyApp/%E2%80%AEabcdef")]
    public async Task An_invalid_id_never_causes_a_server_error(string path)
    {
        (await _visitor.GetAsync(path)).Status.ShouldBeOneOf(400, 410);
        (await _visitor.PostAsync(path, ("otp", "123456"), ("to", TestUser.New()))).Status.ShouldBeOneOf(303, 400, 404);
        (await _visitor.GetAsync(path.Replace("/address", "", StringComparison.Ordinal) + "/status")).Status.ShouldBe(400);
    }

    [Theory]
    [InlineData("Größe 44")]
    [InlineData(" a b ")]
    [InlineData("密码🔑")]
    public async Task A_custom_code_can_be_entered_on_the_page(string code)
    {
        var (id, _) = await _app.BeginAsync(("otp", code));

        await _visitor.PostAsync("/otp/MyApp/" + id, ("action", "check"), ("otp", code));

        (await _app.StatusAsync(id)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_POST_without_action_and_code_redirects_to_the_page()
    {
        var (id, _) = await _app.BeginAsync();

        var answer = await _visitor.PostAsync("/otp/MyApp/" + id, ("namespace", "MyApp"), ("id", id));

        (answer.Status, answer.Location).ShouldBe((303, "/otp/MyApp/" + id));
    }

    [Fact]
    public async Task A_cross_site_form_submission_is_refused()
    {
        var (id, code) = await _app.BeginAsync();
        _visitor.Headers["Sec-Fetch-Site"] = "cross-site";

        (await _visitor.PostAsync("/otp/MyApp/" + id, ("otp", code))).Status.ShouldBe(403);

        (await _app.StatusAsync(id)).Status.ShouldBe(400);
    }
}
