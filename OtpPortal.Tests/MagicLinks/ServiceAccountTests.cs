using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.MagicLinks;

/// <summary>Tests authentication, quotas and error responses of <c>/api/v2</c>.</summary>
public sealed class ServiceAccountTests(V2Portal v2) : IClassFixture<V2Portal>
{
    [Fact]
    public async Task Only_the_administrator_account_can_create_accounts()
    {
        var answer = await v2.Admin.PostAsync("admin/service-account/create", new { serviceAccountCreateParams = new { } });

        answer.Status.ShouldBe(201);
        var account = answer.Json.GetProperty("serviceAccountCreateResults").GetProperty("serviceAccount");
        foreach (var name in (string[])["uuid", "apiKey", "aud"])
            Guid.TryParseExact(account.GetProperty(name).GetString(), "D", out _).ShouldBeTrue(name);
        account.GetProperty("admin").GetBoolean().ShouldBeFalse();
        Guid.TryParse(answer.Json.GetProperty("requestMetadata").GetProperty("uuid").GetString(), out _).ShouldBeTrue();
        var made = new V2Client(v2.Host, account.GetProperty("apiKey").GetString());
        (await made.NewOtpAsync()).Otp.Length.ShouldBe(6);
        var refused = await made.PostAsync("admin/service-account/create", new { serviceAccountCreateParams = new { } });
        refused.Status.ShouldBe(403);
        ShouldBeFailure(refused, 403);
    }

    [Fact]
    public async Task Keys_and_audiences_are_unique_and_keys_are_not_stored()
    {
        var accounts = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => v2.NewAccountAsync()));

        accounts.Select(account => account.Key).Distinct().Count().ShouldBe(20);
        accounts.Select(account => account.Audience).Distinct().Count().ShouldBe(20);
        var dump = v2.Host.Dump().Text;
        accounts.ShouldAllBe(account => !dump.Contains(account.Key, StringComparison.Ordinal));
        v2.Host.Log.Text.ShouldNotContain(accounts[0].Key);
        dump.ShouldNotContain(V2Portal.AdminKey);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("not a key at all, and with blanks")]
    [InlineData("8c0f4c4e-7f0f-4c35-9a77-3f9f0f8f7d12")]
    [InlineData("00000000-0000-0000-0000-000000000000")]
    public async Task Returns_401_for_missing_or_unknown_keys(string? key)
    {
        var stranger = new V2Client(v2.Host, key);
        string[] operations = [
            "otp/create", "otp/validate", "otp-email/create", "jwt/create", "jwt/validate", "magic-link/create", "magic-link-email/create",
            "admin/service-account/create"];

        foreach (var operation in operations)
        {
            var answer = await stranger.PostAsync(operation, new { otpCreateParams = new { charSetNumeric = true } });
            ShouldBeFailure(answer, 401);
        }
    }

    [Fact]
    public async Task Keys_are_case_insensitive()
    {
        var app = await v2.NewAccountAsync();

        (await new V2Client(v2.Host, app.Key.ToUpperInvariant()).NewOtpAsync()).Otp.ShouldNotBeEmpty();
        (await new V2Client(v2.Host, V2Portal.AdminKey.ToUpperInvariant()).NewOtpAsync()).Otp.ShouldNotBeEmpty();
        await using var capitals = await PortalHost.StartAsync((V2Portal.Setting.Name, V2Portal.Setting.Value.ToUpperInvariant()));
        (await new V2Client(capitals, V2Portal.AdminKey).NewOtpAsync()).Otp.ShouldNotBeEmpty();
    }

    [Fact]
    public async Task Returns_401_for_duplicate_key_headers()
    {
        using var content = new StringContent("{\"otpCreateParams\":{}}", System.Text.Encoding.UTF8, "application/json");
        content.Headers.TryAddWithoutValidation("X-API-KEY", [V2Portal.AdminKey, V2Portal.AdminKey]);

        (await v2.Host.NewApiClient().SendAsync(HttpMethod.Post, "/api/v2/otp/create", content)).Status.ShouldBe(401);
    }

    [Fact]
    public async Task Wrong_keys_lock_out_only_the_guessing_client()
    {
        var guesser = v2.Host.NewApiClient();
        var statuses = new List<int>();
        for (var i = 0; i < 11; i++)
        {
            statuses.Add(
                (await guesser.SendAsync(HttpMethod.Post, "/api/v2/otp/create", null, ("X-API-KEY", Guid.NewGuid().ToString()))).Status);
        }
        var right = await guesser.SendAsync(HttpMethod.Post, "/api/v2/otp/create", null, ("X-API-KEY", V2Portal.AdminKey));

        statuses.Take(10).ShouldAllBe(status => status == 401);
        statuses[10].ShouldBe(429);
        ShouldBeFailure(right, 429);
        right.RetryAfter.ShouldBeInRange(1, 300);
        right.Header("RateLimit").ShouldBeNull("the response must not differ for a correct key");
        (await v2.Admin.NewOtpAsync()).Otp.ShouldNotBeEmpty();
    }

    [Fact]
    public async Task Responses_report_the_quota_which_is_separate_for_each_account()
    {
        await using var portal = await PortalHost.StartAsync(V2Portal.Setting, ("LIMIT_REQUESTS_PER_ACCOUNT", "3/60"));
        var admin = new V2Client(portal, V2Portal.AdminKey);
        var other = await admin.NewAccountAsync();
        var (id, otp) = await other.NewOtpAsync();

        var second = await other.ValidateAsync(id, "wrong");
        (await other.ValidateAsync(id, "wrong")).Status.ShouldBe(400);
        var fourth = await other.ValidateAsync(id, otp);

        second.Header("RateLimit-Policy").ShouldBe("\"account\";q=3;w=60");
        second.Header("RateLimit")!.ShouldMatch("^\"account\";r=1;t=[0-9]+$");
        ShouldBeFailure(fourth, 429);
        fourth.RetryAfter.ShouldBeInRange(1, 120);
        (await admin.NewOtpAsync()).Otp.ShouldNotBeEmpty();
        portal.Clock.Advance(TimeSpan.FromSeconds(fourth.RetryAfter));
        (await other.ValidateAsync(id, otp)).Status.ShouldBe(200, "a refused code uses no attempt");
    }

    [Theory]
    [InlineData("N")]
    [InlineData("B")]
    public async Task Keys_in_settings_and_ids_in_URLs_accept_other_GUID_formats(string format)
    {
        string Spelled(string id) => Guid.Parse(id).ToString(format).ToUpperInvariant();
        await using var portal = await PortalHost.StartAsync((V2Portal.Setting.Name,
            $"{V2Portal.AdminId}:{Spelled(V2Portal.AdminKey)}:{V2Portal.AdminAudience}"));
        var app = await new V2Client(portal, V2Portal.AdminKey).NewAccountAsync();
        (string, string) key = ("Authorization", "Bearer " + PortalHost.Secret);
        var id = (await portal.NewApiClient().GetAsync("/service-accounts", key)).Json[0].GetProperty("uuid").GetString()!;

        (await portal.NewApiClient().SendAsync(HttpMethod.Delete, "/service-accounts/" + Uri.EscapeDataString(Spelled(id)), null, key))
            .Status.ShouldBe(204);

        (await app.PostAsync("otp/create", new { otpCreateParams = new { charSetNumeric = true } })).Status.ShouldBe(401);
    }

    [Fact]
    public async Task The_key_and_links_of_a_deleted_account_are_refused_at_once()
    {
        await using var portal = await PortalHost.StartAsync(V2Portal.Setting);
        await using var replica = await portal.StartReplicaAsync();
        var operators = portal.NewApiClient();
        (string, string) secret = ("Authorization", "Bearer " + PortalHost.Secret);
        var admin = new V2Client(portal, V2Portal.AdminKey);
        var (leaked, other) = (await admin.NewAccountAsync("app.example.com"), await admin.NewAccountAsync());
        var list = (await operators.GetAsync("/service-accounts", secret)).Json;
        var entry = list.EnumerateArray().Single(account => account.GetProperty("aud").GetString() == leaked.Audience);
        var path = "/service-accounts/" + entry.GetProperty("uuid").GetString();

        list.GetArrayLength().ShouldBe(2);
        entry.GetProperty("redirect_hosts")[0].GetString().ShouldBe("app.example.com");
        entry.GetProperty("created_at").GetDateTimeOffset().ShouldBe(portal.Clock.GetUtcNow());
        (await operators.GetAsync("/service-accounts", secret)).Body.ShouldNotContain(leaked.Key);
        (await operators.GetAsync("/service-accounts")).Status.ShouldBe(403);
        (await operators.SendAsync(HttpMethod.Delete, path, null)).Status.ShouldBe(403);
        (await leaked.NewOtpAsync()).Otp.ShouldNotBeEmpty();
        var links = new List<string>();
        foreach (var account in (V2Client[])[leaked, other])
            links.Add((await account.NewLinkAsync(new { redirectURL = "https://app.example.com/" })).Link);
        var victim = portal.NewBrowser();
        foreach (var link in links) (await victim.GetAsync(new Uri(link).PathAndQuery)).Status.ShouldBe(200);
        (await operators.SendAsync(HttpMethod.Delete, path, null, secret)).Status.ShouldBe(204);

        (await victim.GetAsync(new Uri(links[0]).PathAndQuery)).Status.ShouldBe(410, "its links no longer sign in anyone");
        (await victim.PostAsync("/magic-link", ("secret", links[0].Split('=')[1]))).Status.ShouldBe(410);
        (await victim.PostAsync("/magic-link", ("secret", links[1].Split('=')[1]))).Status.ShouldBe(303);

        ShouldBeFailure(await leaked.PostAsync("otp/create", new { otpCreateParams = new { } }), 401);
        ShouldBeFailure(await new V2Client(replica, leaked.Key).PostAsync("otp/create", new { otpCreateParams = new { } }), 401);
        (await other.NewOtpAsync()).Otp.ShouldNotBeEmpty();
        (await operators.GetAsync("/service-accounts", secret)).Json.GetArrayLength().ShouldBe(1);
        foreach (var gone in (string[])[path, "/service-accounts/" + V2Portal.AdminId, "/service-accounts/nonsense"])
        {
            (await operators.SendAsync(HttpMethod.Delete, gone, null, secret)).Status.ShouldBe(404);
        }
        portal.Dump().Entries.Where(kept => kept.Key.StartsWith("v2:", StringComparison.Ordinal))
            .ShouldAllBe(kept => !kept.Content.Contains(entry.GetProperty("uuid").GetString()!, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_readiness_check_needs_no_key()
    {
        (await v2.Host.NewApiClient().GetAsync("/api/v2/ready")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Returns_404_and_405_as_JSON_errors()
    {
        ShouldBeFailure(await v2.Admin.PostAsync("nothing/here", new { }), 404);
        ShouldBeFailure(await v2.Host.NewApiClient().GetAsync("/api/v2/otp/create"), 405);
        ShouldBeFailure(await v2.Host.NewBrowser().GetAsync("/api/v2/otp/create"), 405);
    }

    [Theory]
    [InlineData("/api/v2/otp/create", "Sec-Fetch-Site", "cross-site")]
    [InlineData("/api/v2/otp/create", "Origin", "https://evil.example")]
    [InlineData("/API/V2/nothing/here", "Origin", "null")]
    public async Task A_cross_site_request_without_a_key_is_refused(string path, string header, string value)
    {
        ShouldBeFailure(await v2.Host.NewApiClient().SendAsync(HttpMethod.Post, path, null, (header, value)), 403);
        ShouldBeFailure(await v2.Host.NewBrowser().SendAsync(HttpMethod.Post, path, null, (header, value)), 403);
    }

    [Fact]
    public async Task A_request_with_a_key_is_accepted_from_any_origin()
    {
        var body = new StringContent("""{"otpCreateParams":{"charSetNumeric":true}}""", System.Text.Encoding.UTF8, "application/json");

        (await v2.Host.NewApiClient().SendAsync(
            HttpMethod.Post, "/api/v2/otp/create", body, ("X-API-KEY", V2Portal.AdminKey), ("Origin", "https://shop.example.com"))).Status
            .ShouldBe(201);
    }

    [Fact]
    public async Task Returns_503_as_a_JSON_error_while_the_store_is_unavailable()
    {
        using var redis = RedisServer.Start();
        await using var portal = await PortalHost.StartOnAsync(redis, V2Portal.Setting);
        var admin = new V2Client(portal, V2Portal.AdminKey);
        (await admin.NewOtpAsync()).Otp.ShouldNotBeEmpty();
        redis.Stop();

        var answer = await admin.PostAsync("otp/create", new { otpCreateParams = new { charSetNumeric = true } });
        var ready = await portal.NewApiClient().GetAsync("/api/v2/ready");

        ShouldBeFailure(answer, 503);
        answer.RetryAfter.ShouldBeGreaterThan(0);
        ShouldBeFailure(ready, 503);
    }

    internal static void ShouldBeFailure(Answer answer, int status)
    {
        answer.Status.ShouldBe(status, answer.Body);
        answer.ContentType.ShouldStartWith("application/json");
        answer.Json.GetProperty("code").GetInt32().ShouldBe(status);
        answer.Json.GetProperty("message").GetString().ShouldNotBeNullOrWhiteSpace();
        Guid.TryParse(answer.Json.GetProperty("requestMetadata").GetProperty("uuid").GetString(), out _).ShouldBeTrue();
        answer.Body.ShouldNotContain("   at ", Case.Sensitive);
    }
}
