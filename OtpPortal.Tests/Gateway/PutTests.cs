using System.Net.Http.Json;
using System.Text.Json;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Gateway;

/// <summary>Tests <c>PUT /api/otp</c>, which starts a verification.</summary>
public sealed class PutTests(GatewayPortal gateway) : IClassFixture<GatewayPortal>
{
    private readonly GatewayClient _app = gateway.App;

    private static JsonElement Data(Answer answer)
    {
        answer.Status.ShouldBe(200, answer.Body);
        answer.Json.GetProperty("status").GetString().ShouldBe("success");
        return answer.Json.GetProperty("data");
    }

    private static string ErrorOf(Answer answer, int status = 400)
    {
        answer.Status.ShouldBe(status, answer.Body);
        answer.Json.GetProperty("status").GetString().ShouldBe("error");
        return answer.Json.GetProperty("message").GetString()!;
    }

    [Fact]
    public async Task Starts_a_verification_and_sends_its_code()
    {
        var (id, to) = (GatewayClient.NewId(), TestUser.New());

        var answer = await _app.PutAsync(
            id, ("provider", "mailbox"), ("to", to), ("extra", """{"yes": true}"""), ("channel_description", "For your order"),
            ("address_description", "Your address"));

        answer.ContentType.ShouldStartWith("application/json");
        answer.Header("Cache-Control").ShouldBe("no-store");
        var data = Data(answer);
        var code = data.GetProperty("otp").GetString()!;
        code.ShouldMatch("^[0-9]{6}$");
        data.EnumerateObject().Select(field => field.Name).ShouldBe(
            ["namespace", "id", "to", "channel_description", "address_description", "extra", "provider", "otp", "max_attempts", "attempts",
                "generate", "max_generate", "closed", "ttl", "url"], ignoreOrder: true);
        data.GetProperty("namespace").GetString().ShouldBe("MyApp");
        data.GetProperty("id").GetString().ShouldBe(id);
        data.GetProperty("to").GetString().ShouldBe(to);
        data.GetProperty("provider").GetString().ShouldBe("mailbox");
        data.GetProperty("channel_description").GetString().ShouldBe("For your order");
        data.GetProperty("address_description").GetString().ShouldBe("Your address");
        data.GetProperty("extra").GetProperty("yes").GetBoolean().ShouldBeTrue();
        data.GetProperty("max_attempts").GetInt32().ShouldBe(5);
        data.GetProperty("attempts").GetInt32().ShouldBe(1);
        data.GetProperty("generate").GetInt32().ShouldBe(1);
        data.GetProperty("max_generate").GetInt32().ShouldBe(3);
        data.GetProperty("closed").GetBoolean().ShouldBeFalse();
        data.GetProperty("ttl").GetInt32().ShouldBe(300);
        data.GetProperty("url").GetString().ShouldBe($"{gateway.Host.Address.GetLeftPart(UriPartial.Authority)}/otp/MyApp/{id}");
        (await gateway.Host.CodeForAsync(to)).ShouldBe(code);
    }

    [Fact]
    public async Task A_random_id_is_generated_when_none_is_given()
    {
        var one = Data(await _app.SendAsync(HttpMethod.Put, "/api/otp", [("provider", "mailbox"), ("to", TestUser.New())]))
            .GetProperty("id")
            .GetString()!;
        var two = Data(await _app.SendAsync(HttpMethod.Put, "/api/otp", [("provider", "mailbox"), ("to", TestUser.New())]))
            .GetProperty("id")
            .GetString()!;

        one.ShouldMatch("^[A-Za-z0-9]{32}$");
        two.ShouldNotBe(one);
    }

    [Fact]
    public async Task The_caller_can_set_code_ttl_and_limits()
    {
        var (id, to) = (GatewayClient.NewId(), TestUser.New());

        var data = Data(
            await _app.PutAsync(
                id, ("provider", "mailbox"), ("to", to), ("otp", "Penny-12.34"), ("ttl", "5"), ("max_attempts", "1"),
                ("max_generate", "20")));

        data.GetProperty("otp").GetString().ShouldBe("Penny-12.34");
        (data.GetProperty("ttl").GetInt32(), data.GetProperty("max_attempts").GetInt32(), data.GetProperty("max_generate").GetInt32())
            .ShouldBe((5, 1, 20));
        (await _app.CheckAsync(id, "Penny-12.34")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_verification_expires_after_the_given_ttl()
    {
        var (id, code) = await _app.BeginAsync(("ttl", "5"));

        gateway.Host.Clock.Advance(TimeSpan.FromSeconds(5));

        ErrorOf(await _app.CheckAsync(id, code)).ShouldBe("the OTP does not exist");
    }

    [Fact]
    public async Task Nothing_is_sent_when_the_address_is_omitted()
    {
        var data = Data(await _app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("otp", "776655")));

        data.GetProperty("to").GetString().ShouldBe("");
        data.GetProperty("generate").GetInt32().ShouldBe(1);
        (await gateway.Host.NewApiClient().GetAsync("/dev/mailbox.json")).Body.ShouldNotContain("776655");
    }

    [Theory]
    [InlineData("provider", "carrier-pigeon", "provider")]
    [InlineData("provider", "", "provider")]
    [InlineData("provider", "Mailbox", "provider")]
    [InlineData("to", "not an address", "to")]
    [InlineData("ttl", "abc", "ttl")]
    [InlineData("ttl", "0", "ttl")]
    [InlineData("ttl", "-5", "ttl")]
    [InlineData("ttl", "5.5", "ttl")]
    [InlineData("ttl", "99999999999999999999", "ttl")]
    [InlineData("max_attempts", "0", "max_attempts")]
    [InlineData("max_generate", "0", "max_generate")]
    [InlineData("otp", "12", "otp")]
    [InlineData("otp", "123456789012345678901234567890123", "otp")]
    [InlineData("otp", "12\u200b34", "otp")]
    [InlineData("otp", "12\n34", "otp")]
    [InlineData("extra", "{not json", "extra")]
    [InlineData("extra", "{} {}", "extra")]
    [InlineData("extra", """{"name":"\uD83D"}""", "extra")]
    [InlineData("extra", """{"\uDE00":1}""", "extra")]
    [InlineData("skip_delete", "perhaps", "skip_delete")]
    [InlineData("channel_description", "a\u0007b", "channel_description")]
    public async Task An_invalid_field_is_rejected_with_an_error_that_names_it(string field, string value, string named)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["provider"] = "mailbox",
            ["to"] = TestUser.New(),
            [field] = value,
        };

        var message = ErrorOf(await _app.PutAsync(GatewayClient.NewId(), [.. fields.Select(each => (each.Key, each.Value))]));

        message.ShouldContain($"`{named}`");
    }

    [Theory]
    [InlineData("123")]
    [InlineData("12 34")]
    [InlineData("Größe 44 ½")]
    [InlineData("密码🔑<&\"'>")]
    [InlineData("12345678901234567890123456789012")]
    public async Task A_code_has_3_to_32_printable_characters(string code)
    {
        var (id, to) = (GatewayClient.NewId(), TestUser.New());

        Data(await _app.PutAsync(id, ("provider", "mailbox"), ("to", to), ("otp", code))).GetProperty("otp").GetString().ShouldBe(code);

        var message = (await gateway.Host.NewApiClient().GetAsync("/dev/mailbox.json")).Json.EnumerateArray().First(
            message => message.GetProperty("to").GetString() == to);
        message.GetProperty("text").GetString()!.ShouldContain(code);
        (await _app.CheckAsync(id, code + "x")).Status.ShouldBe(400);
        (await _app.CheckAsync(id, code)).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("ttl", "86400", 3600)]
    [InlineData("ttl", "9999999999", 3600)]
    [InlineData("ttl", "3601", 3600)]
    [InlineData("ttl", "1", 1)]
    [InlineData("ttl", "+90", 90)]
    [InlineData("max_attempts", "21", 20)]
    [InlineData("max_attempts", "1000", 20)]
    [InlineData("max_generate", "21", 20)]
    [InlineData("max_generate", "2147483648", 20)]
    public async Task Numbers_above_the_maximum_are_capped_and_the_used_value_is_returned(string field, string asked, int used)
    {
        var (id, to) = (GatewayClient.NewId(), TestUser.New());

        Data(await _app.PutAsync(id, ("provider", "mailbox"), ("to", to), (field, asked))).GetProperty(field).GetInt32().ShouldBe(used);

        // The stored record has the same value.
        (await _app.CheckAsync(id, "no code")).Json.GetProperty("data").GetProperty(field).GetInt32().ShouldBe(used);
    }

    [Theory]
    [InlineData("Ann.{0}@EXAMPLE.com")]
    [InlineData(" ann.{0}@example.com ")]
    [InlineData("ann.{0}@bücher.example")]
    public async Task The_address_is_returned_as_it_was_sent(string pattern)
    {
        var (id, to) = (
            GatewayClient.NewId(),
            string.Format(System.Globalization.CultureInfo.InvariantCulture, pattern, Guid.NewGuid().ToString("N")[..8]));

        var data = Data(await _app.PutAsync(id, ("provider", "mailbox"), ("to", to), ("otp", "123456"), ("skip_delete", "true")));

        data.GetProperty("to").GetString().ShouldBe(to);
        (await _app.CheckAsync(id, "000000")).Json.GetProperty("data").GetProperty("to").GetString().ShouldBe(to);
        Data(await _app.CheckAsync(id, "123456")).GetProperty("to").GetString().ShouldBe(to);
        Data(await _app.StatusAsync(id)).GetProperty("to").GetString().ShouldBe(to);
    }

    [Fact]
    public async Task An_address_has_at_most_320_characters()
    {
        var to = new string('a', 64) + "@" + string.Concat(Enumerable.Repeat(new string('b', 49) + ".", 5)) + "com";

        Data(await _app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("to", to))).GetProperty("to").GetString().ShouldBe(to);
        ErrorOf(await _app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("to", "ann@" + new string('b', 320))))
            .ShouldContain("`to`");
    }

    [Fact]
    public async Task Descriptions_have_at_most_2000_characters()
    {
        var fits = string.Concat(Enumerable.Repeat("é ", 1000));

        var data = Data(await _app.PutAsync(
            GatewayClient.NewId(), ("provider", "mailbox"), ("channel_description", fits), ("address_description", fits)));

        (data.GetProperty("channel_description").GetString(), data.GetProperty("address_description").GetString()).ShouldBe((fits, fits));
        ErrorOf(await _app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("channel_description", fits + "x")))
            .ShouldContain("`channel_description`");
    }

    [Fact]
    public async Task All_fields_at_maximum_length_fit_into_one_request()
    {
        var text = string.Concat(Enumerable.Repeat("密", 2000));
        var extra = $"\"{new string('密', 5460)}\"";

        Data(await _app.PutAsync(
            GatewayClient.NewId(), ("provider", "mailbox"), ("to", TestUser.New()), ("channel_description", text),
            ("address_description", text), ("extra", extra)))
            .GetProperty("extra").GetString()!.Length.ShouldBe(5460);
    }

    [Fact]
    public async Task Extra_is_limited_to_16_KB()
    {
        var fits = JsonSerializer.Serialize(new string('a', 16 * 1024 - 2));
        var tooLong = JsonSerializer.Serialize(new string('a', 16 * 1024 - 1));

        Data(await _app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("to", TestUser.New()), ("extra", fits)))
            .GetProperty("extra").GetString()!.Length.ShouldBe(16 * 1024 - 2);
        ErrorOf(await _app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("to", TestUser.New()), ("extra", tooLong)))
            .ShouldContain("`extra`");
    }

    [Theory]
    [InlineData(32, 200)]
    [InlineData(33, 400)]
    [InlineData(64, 400)]
    public async Task Extra_is_limited_to_32_levels_of_nesting(int depth, int status)
    {
        var extra = new string('[', depth) + new string(']', depth);

        var answer = await _app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("to", TestUser.New()), ("extra", extra));

        if (status == 400) ErrorOf(answer).ShouldContain("`extra`");
        else Data(answer).GetProperty("extra").GetRawText().ShouldBe(extra);
    }

    [Theory]
    [InlineData("short")]
    [InlineData("12345%0A")]
    [InlineData("%0D%0Aabcdef")]
    [InlineData("abc%7Fdef")]
    [InlineData("abc%E2%80%AEdef")]
    [InlineData("abc%E2%80%A8def")]
    public async Task An_id_that_is_too_short_or_not_printable_is_rejected(string id) =>
        ErrorOf(await _app.PutAsync(id, ("provider", "mailbox"), ("to", TestUser.New()))).ShouldContain("`id`");

    [Theory]
    [InlineData("a@example.com")]
    [InlineData("user:42")]
    [InlineData("two words here")]
    [InlineData("éèüß密码")]
    [InlineData("🔑🔑🔑🔑🔑🔑")]
    [InlineData("path/to/it")]
    [InlineData("a%2Fb%25c")]
    [InlineData("semi;colon?and#more&x=1+1")]
    [InlineData("quote\"<b>'\\")]
    [InlineData("......")]
    [InlineData("status")]
    public async Task A_percent_encoded_id_can_contain_any_printable_character(string id)
    {
        id += Guid.NewGuid().ToString("N")[..6];
        var path = Uri.EscapeDataString(id);

        var data = Data(
            await _app.PutAsync(path, ("provider", "mailbox"), ("to", TestUser.New()), ("otp", "123456"), ("skip_delete", "true")));

        data.GetProperty("id").GetString().ShouldBe(id);
        data.GetProperty("url").GetString().ShouldBe($"{gateway.Host.Address.GetLeftPart(UriPartial.Authority)}/otp/MyApp/{path}");
        (await gateway.Host.NewApiClient().GetAsync($"/otp/MyApp/{path}/status")).Body.ShouldContain("\"closed\":false");
        Data(await _app.CheckAsync(path, "123456")).GetProperty("id").GetString().ShouldBe(id);
        Data(await _app.StatusAsync(path)).GetProperty("closed").GetBoolean().ShouldBeTrue();
        Data(await _app.DeleteAsync(path)).GetProperty("id").GetString().ShouldBe(id);
    }

    [Fact]
    public async Task An_id_with_a_slash_and_one_with_an_encoded_slash_are_distinct()
    {
        var tail = Guid.NewGuid().ToString("N");

        Data(await _app.PutAsync("a%2Fb" + tail, ("provider", "mailbox"), ("otp", "111111"))).GetProperty("id").GetString()
            .ShouldBe("a/b" + tail);
        Data(await _app.PutAsync("a%252Fb" + tail, ("provider", "mailbox"), ("otp", "222222"))).GetProperty("id").GetString()
            .ShouldBe("a%2Fb" + tail);

        (await _app.CheckAsync("a%2fb" + tail, "111111")).Status.ShouldBe(200);
        (await _app.CheckAsync("a%252Fb" + tail, "222222")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Returns_404_for_an_id_with_an_unencoded_slash() =>
        (await _app.PutAsync("abcdef/ghijkl", ("provider", "mailbox"), ("to", TestUser.New()))).Status.ShouldBe(404);

    [Fact]
    public async Task An_id_has_at_most_200_characters()
    {
        Data(await _app.PutAsync(
            Uri.EscapeDataString(string.Concat(Enumerable.Repeat("é", 200))), ("provider", "mailbox"), ("to", TestUser.New())));
        ErrorOf(await _app.PutAsync(new string('a', 201), ("provider", "mailbox"), ("to", TestUser.New()))).ShouldContain("`id`");
    }

    [Fact]
    public async Task A_duplicate_field_is_rejected()
    {
        ErrorOf(await _app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("otp", "111111"), ("otp", "222222")))
            .ShouldContain("`otp`");
    }

    [Fact]
    public async Task A_body_that_is_not_a_form_is_rejected()
    {
        var answer = await gateway.Host.NewApiClient().SendAsync(
            HttpMethod.Put, "/api/otp/" + GatewayClient.NewId(), JsonContent.Create(new { provider = "mailbox", to = "ann@example.com" }),
            ("Authorization", GatewayClient.Basic("MyApp:secret")));

        ErrorOf(answer).ShouldContain("form");
    }

    [Theory]
    [InlineData("application/json", "{}")]
    [InlineData("text/plain", "provider=nobody&otp=999999")]
    [InlineData("application/octet-stream", "x")]
    [InlineData(null, "otp=999999")]
    public async Task Query_fields_are_accepted_with_any_body(string? contentType, string body)
    {
        var (id, to, program) = (GatewayClient.NewId(), TestUser.New(), gateway.Host.NewApiClient());
        Task<Answer> SendAsync(HttpMethod method, string path)
        {
            var content = new ByteArrayContent(System.Text.Encoding.UTF8.GetBytes(body));
            if (contentType is not null) content.Headers.ContentType = new(contentType);
            return program.SendAsync(method, path, content, ("Authorization", GatewayClient.Basic("MyApp:secret")));
        }

        Data(await SendAsync(HttpMethod.Put, $"/api/otp/{id}?provider=mailbox&to={to}&otp=123456")).GetProperty("to").GetString()
            .ShouldBe(to);
        Data(await SendAsync(HttpMethod.Post, $"/api/otp/{id}?otp=123456&action=check&skip_delete=true")).GetProperty("closed").GetBoolean()
            .ShouldBeTrue();
        Data(await SendAsync(HttpMethod.Post, $"/api/otp/{id}/status"));
    }

    [Fact]
    public async Task A_form_field_takes_precedence_over_the_query()
    {
        var id = GatewayClient.NewId();

        var answer = await _app.SendAsync(
            HttpMethod.Put, $"/api/otp/{id}?provider=nobody&otp=111111&ttl=77", [("provider", "mailbox"), ("otp", "222222")]);

        Data(answer).GetProperty("ttl").GetInt32().ShouldBe(77);
        (await _app.CheckAsync(id, "222222")).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("Origin", "https://shop.example.com")]
    [InlineData("Origin", "null")]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    public async Task Valid_credentials_are_accepted_from_any_origin(string header, string value)
    {
        var (id, program) = (GatewayClient.NewId(), gateway.Host.NewApiClient());
        (string, string)[] headers = [("Authorization", GatewayClient.Basic("MyApp:secret")), (header, value)];

        Data(await program.SendAsync(HttpMethod.Put, $"/api/otp/{id}?provider=mailbox&otp=123456&to=" + TestUser.New(), null, headers));
        Data(await program.SendAsync(HttpMethod.Post, $"/api/otp/{id}?otp=123456&skip_delete=true", null, headers));
        Data(await program.SendAsync(HttpMethod.Post, $"/api/otp/{id}/status", null, headers));
        Data(await program.SendAsync(HttpMethod.Delete, $"/api/otp/{id}/status", null, headers));
        (await program.SendAsync(
            HttpMethod.Put, $"/api/otp/{id}?provider=mailbox", null, ("Authorization", GatewayClient.Basic("MyApp:wrong")),
            (header, value))).Status.ShouldBe(401);
    }

    [Fact]
    public async Task Returns_413_in_the_error_envelope_for_an_oversized_body() =>
        ErrorOf(await _app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("extra", new string('a', 140_000))), 413)
            .ShouldContain("128 KB");

    [Fact]
    public async Task A_repeated_PUT_sends_a_new_code_and_invalidates_the_old_one()
    {
        var (id, first) = await _app.BeginAsync(("otp", "111111"));

        var data = Data(await _app.PutAsync(id, ("provider", "mailbox"), ("to", TestUser.New()), ("otp", "222222")));

        data.GetProperty("generate").GetInt32().ShouldBe(2);
        (await _app.CheckAsync(id, first)).Status.ShouldBe(400, "it may have been sent to another address");
        (await _app.CheckAsync(id, "222222")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_repeated_PUT_does_not_reset_the_attempts()
    {
        var (id, code) = await _app.BeginAsync(("max_attempts", "3"), ("max_generate", "20"));
        await _app.CheckAsync(id, GatewayClient.WrongCode(code));
        await _app.CheckAsync(id, GatewayClient.WrongCode(code));

        var data = Data(
            await _app.PutAsync(
                id, ("provider", "mailbox"), ("to", TestUser.New()), ("max_attempts", "3"), ("max_generate", "20"), ("otp", "123123")));

        data.GetProperty("attempts").GetInt32().ShouldBe(3);
        (await _app.CheckAsync(id, "000000")).Status.ShouldBe(400);
        (await _app.CheckAsync(id, "123123")).Status.ShouldBe(429, "the third attempt was the last one");
    }

    [Fact]
    public async Task A_locked_id_stays_locked_until_it_expires()
    {
        var (id, code) = await _app.BeginAsync(("max_attempts", "2"), ("ttl", "60"));
        await _app.CheckAsync(id, GatewayClient.WrongCode(code));
        await _app.CheckAsync(id, GatewayClient.WrongCode(code));
        gateway.Host.Clock.Advance(TimeSpan.FromSeconds(10));

        var locked = await _app.PutAsync(id, ("provider", "mailbox"), ("to", TestUser.New()));

        ErrorOf(locked, 429).ShouldBe("OTP attempts exceeded. Retry after 50 seconds.");
        locked.RetryAfter.ShouldBe(50);
        var data = locked.Json.GetProperty("data");
        data.GetProperty("max_attempts").GetInt32().ShouldBe(2);
        data.GetProperty("attempts").GetInt32().ShouldBe(3);
        data.GetProperty("ttl_seconds").GetInt32().ShouldBe(50);
        gateway.Host.Clock.Advance(TimeSpan.FromSeconds(50));
        Data(await _app.PutAsync(id, ("provider", "mailbox"), ("to", TestUser.New()))).GetProperty("attempts").GetInt32().ShouldBe(1);
    }

    [Fact]
    public async Task A_live_id_can_be_restarted_at_most_max_generate_times()
    {
        var (id, to) = (GatewayClient.NewId(), TestUser.New());
        (string, string)[] fields = [("provider", "mailbox"), ("to", to), ("max_generate", "3")];
        for (var generate = 1; generate <= 4; generate++)
        {
            Data(await _app.PutAsync(id, fields)).GetProperty("generate").GetInt32().ShouldBe(generate);
        }

        ErrorOf(await _app.PutAsync(id, fields), 429);
        ErrorOf(await _app.PutAsync(id, ("provider", "mailbox"), ("to", to), ("max_generate", "20")), 429)
            .ShouldStartWith("OTP attempts exceeded", customMessage: "the number in the record is used");

        var codes = await gateway.Host.CodesAsync(to);
        codes.Count.ShouldBe(4);
        (await _app.CheckAsync(id, codes[3])).Status.ShouldBe(200, "every code that is sent can be used");
    }

    [Fact]
    public async Task Concurrent_PUTs_are_each_counted()
    {
        var (id, to) = (GatewayClient.NewId(), TestUser.New());

        var answers = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(_ => gateway.App.PutAsync(id, ("provider", "mailbox"), ("to", to), ("max_generate", "3"))));

        answers.Count(answer => answer.Status == 200).ShouldBe(4);
        answers.Count(answer => answer.Status == 429).ShouldBe(16);
        (await gateway.Host.CodesAsync(to)).Count.ShouldBe(4);
    }

    [Fact]
    public async Task A_verified_id_can_be_restarted_with_all_attempts()
    {
        var (id, code) = await _app.BeginAsync(("skip_delete", "true"), ("max_generate", "1"));
        (await _app.CheckAsync(id, code)).Status.ShouldBe(200);

        var data = Data(await _app.PutAsync(id, ("provider", "mailbox"), ("to", TestUser.New()), ("max_generate", "1")));

        (data.GetProperty("attempts").GetInt32(), data.GetProperty("generate").GetInt32(), data.GetProperty("closed").GetBoolean())
            .ShouldBe((1, 1, false));
        (await _app.StatusAsync(id)).Status.ShouldBe(400);
    }

    [Fact]
    public async Task The_store_holds_no_plaintext_code_or_id_and_every_key_expires()
    {
        var (id, code) = await _app.BeginAsync(("otp", "Visible-Code-77"));

        var dump = gateway.Host.Dump();

        dump.Text.ShouldNotContain(code);
        dump.Text.ShouldNotContain(Convert.ToBase64String("Visible-Code-77"u8));
        dump.Text.ShouldNotContain(id);
        dump.Entries.Where(entry => entry.Key.StartsWith("code:{gateway:", StringComparison.Ordinal))
            .ShouldAllBe(entry => entry.TimeToLive != null);
        gateway.Host.Log.Text.ShouldNotContain(code);
    }

    [Fact]
    public async Task The_message_uses_the_language_from_Accept_Language()
    {
        var to = TestUser.New();
        var program = gateway.Host.NewApiClient();

        await program.SendAsync(
            HttpMethod.Put, "/api/otp/" + GatewayClient.NewId(),
            new FormUrlEncodedContent([KeyValuePair.Create("provider", "mailbox"), KeyValuePair.Create("to", to)]),
            ("Authorization", GatewayClient.Basic("MyApp:secret")), ("Accept-Language", "de"));

        (await gateway.Host.NewApiClient().GetAsync("/dev/mailbox.json")).Json.EnumerateArray()
            .First(message => message.GetProperty("to").GetString() == to)
            .GetProperty("text").GetString()!.ShouldContain("Minuten");
    }
}
