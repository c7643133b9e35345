using System.Net.Http.Json;
using System.Text.Json;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Gateway;

/// <summary><c>PUT /api/otp</c>: a backend begins a verification.</summary>
public sealed class PutTests(GatewayPortal gateway) : IClassFixture<GatewayPortal>
{
    private readonly GatewayClient _app = gateway.App;

    private static JsonElement Data(Answer answer)
    {
        answer.Status.ShouldBe(200, answer.Body);
        answer.Json.GetProperty("status").GetString().ShouldBe("success");
        return answer.Json.GetProperty("data");
    }

    private static string Refused(Answer answer, int status = 400)
    {
        answer.Status.ShouldBe(status, answer.Body);
        answer.Json.GetProperty("status").GetString().ShouldBe("error");
        return answer.Json.GetProperty("message").GetString()!;
    }

    [Fact]
    public async Task A_verification_is_begun_and_its_code_is_sent()
    {
        var (id, to) = (GatewayClient.NewId(), Someone.New());

        var answer = await _app.PutAsync(id, ("provider", "mailbox"), ("to", to), ("extra", """{"yes": true}"""), ("channel_description", "For your order"), ("address_description", "Your address"));

        answer.ContentType.ShouldStartWith("application/json");
        answer.Header("Cache-Control").ShouldBe("no-store");
        var data = Data(answer);
        var code = data.GetProperty("otp").GetString()!;
        code.ShouldMatch("^[0-9]{6}$");
        data.EnumerateObject().Select(field => field.Name).ShouldBe(
            ["namespace", "id", "to", "channel_description", "address_description", "extra", "provider", "otp", "max_attempts", "attempts", "generate", "max_generate", "closed", "ttl", "url"], ignoreOrder: true);
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
    public async Task Without_an_id_one_is_made_that_nobody_can_guess()
    {
        var one = Data(await _app.SendAsync(HttpMethod.Put, "/api/otp", [("provider", "mailbox"), ("to", Someone.New())])).GetProperty("id").GetString()!;
        var two = Data(await _app.SendAsync(HttpMethod.Put, "/api/otp", [("provider", "mailbox"), ("to", Someone.New())])).GetProperty("id").GetString()!;

        one.ShouldMatch("^[A-Za-z0-9]{32}$");
        two.ShouldNotBe(one);
    }

    [Fact]
    public async Task The_caller_may_choose_code_and_terms()
    {
        var (id, to) = (GatewayClient.NewId(), Someone.New());

        var data = Data(await _app.PutAsync(id, ("provider", "mailbox"), ("to", to), ("otp", "Penny-12.34"), ("ttl", "5"), ("max_attempts", "1"), ("max_generate", "20")));

        data.GetProperty("otp").GetString().ShouldBe("Penny-12.34");
        (data.GetProperty("ttl").GetInt32(), data.GetProperty("max_attempts").GetInt32(), data.GetProperty("max_generate").GetInt32()).ShouldBe((5, 1, 20));
        (await _app.CheckAsync(id, "Penny-12.34")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task The_time_is_over_when_the_caller_said()
    {
        var (id, code) = await _app.BeginAsync(("ttl", "5"));

        gateway.Host.Clock.Advance(TimeSpan.FromSeconds(5));

        Refused(await _app.CheckAsync(id, code)).ShouldBe("the OTP does not exist");
    }

    [Fact]
    public async Task Where_the_address_is_left_out_nothing_is_sent_yet()
    {
        var data = Data(await _app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("otp", "776655")));

        data.GetProperty("to").GetString().ShouldBe("");
        data.GetProperty("generate").GetInt32().ShouldBe(1);
        (await gateway.Host.NewProgram().GetAsync("/dev/mailbox.json")).Body.ShouldNotContain("776655");
    }

    [Theory]
    [InlineData("provider", "carrier-pigeon", "provider")]
    [InlineData("provider", "", "provider")]
    [InlineData("provider", "Mailbox", "provider")]
    [InlineData("to", "not an address", "to")]
    [InlineData("ttl", "abc", "ttl")]
    [InlineData("ttl", "4", "ttl")]
    [InlineData("ttl", "3601", "ttl")]
    [InlineData("ttl", "-5", "ttl")]
    [InlineData("ttl", "5.5", "ttl")]
    [InlineData("ttl", "99999999999999999999", "ttl")]
    [InlineData("max_attempts", "0", "max_attempts")]
    [InlineData("max_attempts", "21", "max_attempts")]
    [InlineData("max_generate", "0", "max_generate")]
    [InlineData("max_generate", "21", "max_generate")]
    [InlineData("otp", "123", "otp")]
    [InlineData("otp", "1234567890123456789012345", "otp")]
    [InlineData("otp", "12 34", "otp")]
    [InlineData("otp", "12\n34", "otp")]
    [InlineData("otp", "Größe", "otp")]
    [InlineData("extra", "{not json", "extra")]
    [InlineData("extra", "{} {}", "extra")]
    [InlineData("extra", """{"name":"\uD83D"}""", "extra")]
    [InlineData("extra", """{"\uDE00":1}""", "extra")]
    [InlineData("skip_delete", "perhaps", "skip_delete")]
    [InlineData("channel_description", "a\u0007b", "channel_description")]
    public async Task What_is_not_allowed_is_refused_by_name(string field, string value, string named)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal) { ["provider"] = "mailbox", ["to"] = Someone.New(), [field] = value };

        var message = Refused(await _app.PutAsync(GatewayClient.NewId(), [.. fields.Select(each => (each.Key, each.Value))]));

        message.ShouldContain($"`{named}`");
    }

    [Fact]
    public async Task Extra_may_have_4_KB_and_no_more()
    {
        var fits = JsonSerializer.Serialize(new string('a', 4094));
        var tooLong = JsonSerializer.Serialize(new string('a', 4095));

        Data(await _app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("to", Someone.New()), ("extra", fits))).GetProperty("extra").GetString()!.Length.ShouldBe(4094);
        Refused(await _app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("to", Someone.New()), ("extra", tooLong))).ShouldContain("`extra`");
    }

    [Theory]
    [InlineData(32, 200)]
    [InlineData(33, 400)]
    [InlineData(64, 400)]
    public async Task Extra_may_be_32_levels_deep_and_no_more(int depth, int status)
    {
        var extra = new string('[', depth) + new string(']', depth);

        var answer = await _app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("to", Someone.New()), ("extra", extra));

        if (status == 400) Refused(answer).ShouldContain("`extra`");
        else Data(answer).GetProperty("extra").GetRawText().ShouldBe(extra);
    }

    [Theory]
    [InlineData("short")]
    [InlineData("has%20blank")]
    [InlineData("semi;colon")]
    [InlineData("umlaut%C3%A4")]
    [InlineData("slash%2Fslash")]
    public async Task An_id_of_other_characters_is_refused(string id) =>
        Refused(await _app.PutAsync(id, ("provider", "mailbox"), ("to", Someone.New()))).ShouldContain("`id`");

    [Fact]
    public async Task An_id_has_128_characters_at_most()
    {
        Data(await _app.PutAsync(new string('a', 128), ("provider", "mailbox"), ("to", Someone.New())));
        Refused(await _app.PutAsync(new string('a', 129), ("provider", "mailbox"), ("to", Someone.New()))).ShouldContain("`id`");
    }

    [Fact]
    public async Task A_field_that_comes_twice_is_refused_because_two_readers_could_take_different_ones()
    {
        Refused(await _app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("otp", "111111"), ("otp", "222222"))).ShouldContain("`otp`");
    }

    [Fact]
    public async Task A_body_that_is_no_form_is_not_taken_for_an_empty_one()
    {
        var answer = await gateway.Host.NewProgram().SendAsync(
            HttpMethod.Put, "/api/otp/" + GatewayClient.NewId() + "?provider=mailbox", JsonContent.Create(new { to = "ann@example.com" }), ("Authorization", GatewayClient.Basic("MyApp:secret")));

        Refused(answer).ShouldContain("form");
    }

    [Fact]
    public async Task A_body_that_is_too_large_is_refused_in_the_same_envelope() =>
        Refused(await _app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("extra", new string('a', 70_000))), 413).ShouldContain("64 KB");

    [Fact]
    public async Task A_repeated_PUT_sends_a_new_code_and_the_old_one_is_good_no_longer()
    {
        var (id, first) = await _app.BeginAsync(("otp", "111111"));

        var data = Data(await _app.PutAsync(id, ("provider", "mailbox"), ("to", Someone.New()), ("otp", "222222")));

        data.GetProperty("generate").GetInt32().ShouldBe(2);
        (await _app.CheckAsync(id, first)).Status.ShouldBe(400, "it may have gone to another address");
        (await _app.CheckAsync(id, "222222")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_repeated_PUT_gives_no_tries_back()
    {
        var (id, code) = await _app.BeginAsync(("max_attempts", "3"), ("max_generate", "20"));
        await _app.CheckAsync(id, GatewayClient.NotThe(code));
        await _app.CheckAsync(id, GatewayClient.NotThe(code));

        var data = Data(await _app.PutAsync(id, ("provider", "mailbox"), ("to", Someone.New()), ("max_attempts", "3"), ("max_generate", "20"), ("otp", "123123")));

        data.GetProperty("attempts").GetInt32().ShouldBe(3);
        (await _app.CheckAsync(id, "000000")).Status.ShouldBe(400);
        (await _app.CheckAsync(id, "123123")).Status.ShouldBe(429, "the third try was the last one");
    }

    [Fact]
    public async Task A_locked_id_stays_locked_until_its_time_is_over()
    {
        var (id, code) = await _app.BeginAsync(("max_attempts", "2"), ("ttl", "60"));
        await _app.CheckAsync(id, GatewayClient.NotThe(code));
        await _app.CheckAsync(id, GatewayClient.NotThe(code));
        gateway.Host.Clock.Advance(TimeSpan.FromSeconds(10));

        var locked = await _app.PutAsync(id, ("provider", "mailbox"), ("to", Someone.New()));

        Refused(locked, 429).ShouldBe("OTP attempts exceeded. Retry after 50 seconds.");
        locked.RetryAfter.ShouldBe(50);
        var data = locked.Json.GetProperty("data");
        data.GetProperty("max_attempts").GetInt32().ShouldBe(2);
        data.GetProperty("attempts").GetInt32().ShouldBe(3);
        data.GetProperty("ttl_seconds").GetInt32().ShouldBe(50);
        gateway.Host.Clock.Advance(TimeSpan.FromSeconds(50));
        Data(await _app.PutAsync(id, ("provider", "mailbox"), ("to", Someone.New()))).GetProperty("attempts").GetInt32().ShouldBe(1);
    }

    [Fact]
    public async Task No_more_codes_are_sent_than_max_generate()
    {
        var (id, to) = (GatewayClient.NewId(), Someone.New());
        (string, string)[] fields = [("provider", "mailbox"), ("to", to), ("max_generate", "2")];
        Data(await _app.PutAsync(id, fields));
        Data(await _app.PutAsync(id, fields));

        Refused(await _app.PutAsync(id, fields), 429);

        (await gateway.Host.CodesAsync(to)).Count.ShouldBe(2);
    }

    [Fact]
    public async Task Simultaneous_PUTs_are_each_counted()
    {
        var (id, to) = (GatewayClient.NewId(), Someone.New());

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => gateway.App.PutAsync(id, ("provider", "mailbox"), ("to", to), ("max_generate", "3"))));

        answers.Count(answer => answer.Status == 200).ShouldBe(3);
        answers.Count(answer => answer.Status == 429).ShouldBe(17);
        (await gateway.Host.CodesAsync(to)).Count.ShouldBe(3);
    }

    [Fact]
    public async Task After_success_an_id_begins_anew_with_all_its_tries()
    {
        var (id, code) = await _app.BeginAsync(("skip_delete", "true"), ("max_generate", "1"));
        (await _app.CheckAsync(id, code)).Status.ShouldBe(200);

        var data = Data(await _app.PutAsync(id, ("provider", "mailbox"), ("to", Someone.New()), ("max_generate", "1")));

        (data.GetProperty("attempts").GetInt32(), data.GetProperty("generate").GetInt32(), data.GetProperty("closed").GetBoolean()).ShouldBe((1, 1, false));
        (await _app.StatusAsync(id)).Status.ShouldBe(400);
    }

    [Fact]
    public async Task A_dump_of_the_store_reads_no_code_and_everything_in_it_ends_by_itself()
    {
        var (id, code) = await _app.BeginAsync(("otp", "Visible-Code-77"));

        var dump = gateway.Host.Dump();

        dump.Text.ShouldNotContain(code);
        dump.Text.ShouldNotContain(Convert.ToBase64String("Visible-Code-77"u8));
        dump.Text.ShouldNotContain(id);
        dump.Entries.Where(entry => entry.Key.StartsWith("code:gateway:", StringComparison.Ordinal)).ShouldAllBe(entry => entry.TimeToLive != null);
        gateway.Host.Log.Text.ShouldNotContain(code);
    }

    [Fact]
    public async Task The_message_is_in_the_language_that_is_asked_for()
    {
        var to = Someone.New();
        var program = gateway.Host.NewProgram();

        await program.SendAsync(
            HttpMethod.Put, "/api/otp/" + GatewayClient.NewId(), new FormUrlEncodedContent([KeyValuePair.Create("provider", "mailbox"), KeyValuePair.Create("to", to)]),
            ("Authorization", GatewayClient.Basic("MyApp:secret")), ("Accept-Language", "de"));

        (await gateway.Host.NewProgram().GetAsync("/dev/mailbox.json")).Json.EnumerateArray().First(message => message.GetProperty("to").GetString() == to)
            .GetProperty("text").GetString()!.ShouldContain("Minuten");
    }
}
