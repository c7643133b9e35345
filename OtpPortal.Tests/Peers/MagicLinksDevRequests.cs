using System.Text;
using System.Text.Json;
using OtpPortal.Tests.Infrastructure;
using OtpPortal.Tests.MagicLinks;

namespace OtpPortal.Tests.Peers;

/// <summary>
/// Tests the requests and responses that magiclinksdev documents in its OpenAPI document and client examples. A failing
/// test means that existing clients of magiclinksdev would break.
/// </summary>
public sealed class MagicLinksDevRequests(V2Portal v2) : IClassFixture<V2Portal>
{
    private const string App = "https://app.example.com/in";

    /// <summary>The email parameters of the magiclinksdev Go client: every field, in the order of its struct.</summary>
    private static string Mail(string to, string more = "") => $$"""
        {{{more}}"greeting":"Hello John Doe,","logoClickURL":"https://app.example.com","logoImageURL":"https://app.example.com/logo.png",
         "serviceName":"app.example.com","subject":"Your login for app.example.com","subTitle":"No password required!",
         "title":"Please click the below button to login.","toEmail":{{JsonSerializer.Serialize(to)}},"toName":"John Doe"}
        """;

    private Task<Answer> SendAsync(string operation, string body, string? key = V2Portal.AdminKey) =>
        new V2Client(v2.Host, key).SendAsync(operation, new StringContent(body, Encoding.UTF8, "application/json"));

    private async Task<JsonElement> CreatedAsync(string operation, string body, string results)
    {
        var answer = await SendAsync(operation, body);
        answer.Status.ShouldBe(201, answer.Body);
        answer.ContentType.ShouldBe("application/json");
        Guid.TryParseExact(answer.Json.GetProperty("requestMetadata").GetProperty("uuid").GetString(), "D", out _).ShouldBeTrue();
        return answer.Json.GetProperty(results);
    }

    private async Task<JsonElement> ClaimsOfAsync(string jwt) =>
        (await new V2Client(v2.Host, V2Portal.AdminKey).ValidateJwtAsync(jwt)).Json.GetProperty("jwtValidateResults").GetProperty("claims");

    // Uses the link and returns the claims of its JWT.
    private async Task<(string Location, JsonElement Claims)> UseAsync(JsonElement link, string key = "jwt")
    {
        var gone = await v2.Host.NewBrowser().PostAsync("/magic-link", ("secret", link.GetProperty("secret").GetString()!));
        gone.Status.ShouldBe(303);
        return (gone.Location!, await ClaimsOfAsync(gone.Location!.Split(key + "=")[1].Split('#')[0]));
    }

    [Fact]
    public async Task Ready_returns_200() => (await v2.Host.NewApiClient().GetAsync("/api/v2/ready")).Status.ShouldBe(200);

    [Fact]
    public async Task Jwks_json_returns_200_with_the_keys() =>
        (await v2.Host.NewApiClient().GetAsync("/api/v2/jwks.json")).Json.GetProperty("keys").GetArrayLength().ShouldBeGreaterThan(0);

    [Fact]
    public async Task Service_account_create_returns_201_with_an_account()
    {
        var account = (await CreatedAsync("admin/service-account/create", """{"serviceAccountCreateParams":{}}""",
            "serviceAccountCreateResults")).GetProperty("serviceAccount");

        foreach (var id in (string[])["uuid", "apiKey", "aud"])
        {
            Guid.TryParseExact(account.GetProperty(id).GetString(), "D", out _).ShouldBeTrue(id);
        }
        account.GetProperty("admin").GetBoolean().ShouldBeFalse();
    }

    [Theory]
    [InlineData(null)]
    [InlineData("no UUID")]
    [InlineData("1d3e3a4b-6b0c-4c8e-8ed1-5d7a1a1c9a55")]
    public async Task An_unknown_API_key_returns_401(string? key) =>
        (await SendAsync("otp/create", """{"otpCreateParams":{"charSetNumeric":true}}""", key)).Status.ShouldBe(401);

    [Theory]
    [MemberData(nameof(UuidFormats))]
    public async Task An_API_key_is_accepted_in_every_UUID_format(string spelling) =>
        (await SendAsync("otp/create", """{"otpCreateParams":{"charSetNumeric":true}}""", FormatUuid(V2Portal.AdminKey, spelling)))
            .Status.ShouldBe(201);

    [Fact]
    public async Task Otp_create_returns_201_with_id_and_otp()
    {
        var code = await CreatedAsync(
            "otp/create",
            """
            {"otpCreateParams":{"charSetAlphaLower":false,"charSetAlphaUpper":true,"charSetNumeric":true,"length":6,"lifespanSeconds":3600}}
            """,
            "otpCreateResults");

        Guid.TryParseExact(code.GetProperty("id").GetString(), "D", out _).ShouldBeTrue();
        code.GetProperty("otp").GetString().ShouldNotBeNull().ShouldMatch("^[A-Z0-9]{6}$");
    }

    [Theory]
    [MemberData(nameof(UuidFormats))]
    public async Task Otp_validate_returns_200_for_every_UUID_format_of_the_id(string spelling)
    {
        var (id, otp) = await v2.Admin.NewOtpAsync();

        (await v2.Admin.ValidateAsync(FormatUuid(id, spelling), otp)).Status.ShouldBe(200);
        (await v2.Admin.ValidateAsync(id, otp)).Status.ShouldBe(400, "every spelling names the same code");
    }

    [Fact]
    public async Task Otp_validate_returns_400_for_a_wrong_otp_or_a_malformed_id()
    {
        var (id, otp) = await v2.Admin.NewOtpAsync(new { charSetNumeric = true, length = 12 });

        (await v2.Admin.ValidateAsync(id, "1")).Status.ShouldBe(400);
        (await v2.Admin.ValidateAsync("urn:" + id, otp)).Status.ShouldBe(400);
        (await v2.Admin.ValidateAsync(id, otp)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Otp_email_create_returns_201_and_sends_the_email()
    {
        var to = TestUser.New();

        var code = (await CreatedAsync("otp-email/create",
            $$"""{"otpCreateParams":{"charSetNumeric":true},"otpEmailCreateParams":{{Mail(to)}}}""", "otpEmailCreateResults"))
            .GetProperty("otpCreateResults");

        var message = await MessageAsync(to);
        message.GetProperty("subject").GetString().ShouldBe("Your login for app.example.com");
        message.GetProperty("text").GetString()!.ShouldContain(code.GetProperty("otp").GetString()!);
    }

    [Fact]
    public async Task Jwt_create_returns_201_with_a_JWT()
    {
        var results = await CreatedAsync("jwt/create", """{"jwtCreateParams":{"alg":"","claims":{"foo":"bar"},"lifespanSeconds":0}}""",
            "jwtCreateResults");

        (await ClaimsOfAsync(results.GetProperty("jwt").GetString()!)).GetProperty("foo").GetString().ShouldBe("bar");
    }

    [Theory]
    [InlineData("null")]
    [InlineData("\"\"")]
    [InlineData("\"bnVsbA==\"")] // Go's []byte("null")
    public async Task Jwt_create_accepts_empty_claims(string claims)
    {
        var jwt = (await CreatedAsync("jwt/create", $$$"""{"jwtCreateParams":{"claims":{{{claims}}}}}""", "jwtCreateResults"))
            .GetProperty("jwt").GetString()!;

        V2Client.Part(jwt, 1).EnumerateObject().Select(claim => claim.Name)
            .ShouldBe(["iss", "aud", "exp", "nbf", "iat", "jti"], ignoreOrder: true);
    }

    [Fact]
    public async Task Jwt_create_returns_400_for_registered_claims() =>
        (await SendAsync("jwt/create", """{"jwtCreateParams":{"claims":{"sub":"ann"}}}""")).Status.ShouldBe(400);

    [Fact]
    public async Task Jwt_validate_returns_200_with_the_claims_and_422_for_a_forged_JWT()
    {
        var jwt = await v2.Admin.NewJwtAsync(new { claims = new { foo = "bar" } });
        var forged = jwt[..(jwt.LastIndexOf('.') + 1)] + new string('A', 86);

        (await v2.Admin.ValidateJwtAsync(jwt)).Json.GetProperty("jwtValidateResults").GetProperty("claims")
            .GetProperty("aud")[0].GetString().ShouldBe(V2Portal.AdminAudience);
        (await v2.Admin.ValidateJwtAsync(forged)).Status.ShouldBe(422);
    }

    // Go serializes []byte as base64, and the magiclinksdev examples pass the bytes from json.Marshal.
    [Theory]
    [InlineData("\"eyJmb28iOiJiYXIifQ==\"")]
    [InlineData("\"{\\\"foo\\\":\\\"bar\\\"}\"")]
    [InlineData("\" {\\\"foo\\\": \\\"bar\\\"}\\n\"")]
    [InlineData("{\"foo\":\"bar\"}")]
    public async Task Magic_link_create_returns_201_for_claims_as_object_and_as_string(string claims)
    {
        var link = await CreatedAsync(
            "magic-link/create",
            $$$"""
            {"magicLinkCreateParams":{"jwtCreateParams":{"alg":"","claims":{{{claims}}},"lifespanSeconds":5},
              "lifespanSeconds":100,"redirectQueryKey":"","redirectURL":"{{{App}}}"}}
            """,
            "magicLinkCreateResults");

        link.GetProperty("magicLink").GetString()!.ShouldContain("?secret=" + link.GetProperty("secret").GetString());
        var (location, jwt) = await UseAsync(link);
        location.ShouldStartWith(App + "?jwt=");
        jwt.GetProperty("foo").GetString().ShouldBe("bar");
    }

    [Theory]
    [InlineData("\"eyJzdWIiOiJhbm4ifQ==\"", "sub")] // {"sub":"ann"}
    [InlineData("\"{\\\"Aud\\\":\\\"x\\\"}\"", "aud")]
    [InlineData("\"{\\\"a\\\":1,\\\"a\\\":2}\"", "an object")]
    [InlineData("\"{\\\"a\\\":\\\"\\\\ud800\\\"}\"", "an object")]
    [InlineData("\"not claims\"", "an object")]
    [InlineData("\"WzFd\"", "an object")] // [1]
    [InlineData("\"/w==\"", "an object")] // a byte that is invalid in UTF-8
    [InlineData("\"DEEP\"", "an object")]
    [InlineData("\"LONG\"", "4096 bytes")]
    public async Task Magic_link_create_returns_400_for_a_string_without_valid_claims(string claims, string reason)
    {
        claims = claims.Replace("DEEP", string.Concat(Enumerable.Repeat("{\\\"a\\\":", 40)) + "1" + new string('}', 40),
            StringComparison.Ordinal)
            .Replace("LONG", Convert.ToBase64String(Encoding.UTF8.GetBytes($$"""{"a":"{{new string('x', 4096)}}"}""")),
                StringComparison.Ordinal);

        var answer = await SendAsync("magic-link/create",
            $$$"""{"magicLinkCreateParams":{"jwtCreateParams":{"claims":{{{claims}}}},"redirectURL":"{{{App}}}"}}""");

        ServiceAccountTests.ShouldBeFailure(answer, 400);
        answer.Json.GetProperty("message").GetString()!.ShouldStartWith("magicLinkCreateParams.jwtCreateParams.claims must ");
        answer.Json.GetProperty("message").GetString()!.ShouldContain(reason);
    }

    [Theory]
    [InlineData("https://app.example.com/größe?q=ü&r=%C3%BC#ende-ö",
        "https://app.example.com/gr%C3%B6%C3%9Fe?q=%C3%BC&r=%C3%BC&jwt=JWT#ende-%C3%B6")]
    [InlineData("https://app.example.com/一 二", "https://app.example.com/%E4%B8%80%20%E4%BA%8C?jwt=JWT")]
    [InlineData("https://app.example.com/\U0001F600", "https://app.example.com/%F0%9F%98%80?jwt=JWT")]
    [InlineData("https://bücher.example:8443/", "https://xn--bcher-kva.example:8443/?jwt=JWT")]
    [InlineData("https://ann:pass%40word@app.example.com/in", "https://ann:pass%40word@app.example.com/in?jwt=JWT")]
    [InlineData("HTTPS://ann@[2001:db8::1]/", "HTTPS://ann@[2001:db8::1]/?jwt=JWT")]
    public async Task Magic_link_create_accepts_redirectURLs_with_non_ASCII_characters_and_user_names(string url, string expected)
    {
        var link = await CreatedAsync("magic-link/create", $$$"""{"magicLinkCreateParams":{"redirectURL":"{{{url}}}"}}""",
            "magicLinkCreateResults");

        (await v2.Host.NewBrowser().GetAsync("/magic-link?secret=" + link.GetProperty("secret").GetString())).Status.ShouldBe(200);
        var (location, jwt) = await UseAsync(link);
        location.ShouldAllBe(c => c > ' ' && c <= '~');
        System.Text.RegularExpressions.Regex.Replace(location, "jwt=[A-Za-z0-9._-]+", "jwt=JWT").ShouldBe(expected);
        jwt.GetProperty("iss").GetString().ShouldNotBeNull();
    }

    [Fact]
    public async Task Magic_link_create_accepts_a_redirectQueryKey_of_any_length()
    {
        var key = new string('k', 300) + "é&=";
        var link = await CreatedAsync("magic-link/create",
            $$$"""{"magicLinkCreateParams":{"redirectURL":"{{{App}}}","redirectQueryKey":"{{{key}}}"}}""", "magicLinkCreateResults");

        (await UseAsync(link, "%C3%A9%26%3D")).Location.ShouldStartWith(App + "?" + new string('k', 300));
    }

    [Fact]
    public async Task Magic_link_email_create_returns_201_and_sends_the_email()
    {
        var to = TestUser.New();

        var link = (await CreatedAsync(
            "magic-link-email/create",
            $$"""
            {"magicLinkCreateParams":{"jwtCreateParams":{"alg":"","claims":"eyJmb28iOiJiYXIifQ==","lifespanSeconds":5},
              "lifespanSeconds":3600,"redirectQueryKey":"","redirectURL":"{{App}}"},
             "magicLinkEmailCreateParams":{{Mail(to, "\"buttonText\":\"Log in\",")}}}
            """,
            "magicLinkEmailCreateResults")).GetProperty("magicLinkCreateResults");

        (await MessageAsync(to)).GetProperty("text").GetString()!.ShouldContain(link.GetProperty("magicLink").GetString()!);
        (await UseAsync(link)).Claims.GetProperty("foo").GetString().ShouldBe("bar");
    }

    [Theory]
    [InlineData("Ann <{0}>", "{0}")]
    [InlineData("\"Doe, Ann\" <{0}>", "{0}")]
    [InlineData("<{0}>", "{0}")]
    [InlineData(" Ann Müller <{0}> ", "{0}")]
    [InlineData("jörg.{0}", "jörg.{0}")]
    [InlineData("Jörg <JO\u0308RG.{0}>", "jörg.{0}")]
    [InlineData("用户{0}", "用户{0}")]
    [InlineData("\U00020000{0}", "\U00020000{0}")]
    public async Task Otp_email_create_accepts_display_names_and_international_addresses(string form, string expected)
    {
        var address = TestUser.New();

        await CreatedAsync(
            "otp-email/create",
            $$"""{"otpCreateParams":{"charSetNumeric":true},"otpEmailCreateParams":{{Mail(string.Format(null, form, address))}}}""",
            "otpEmailCreateResults");

        (await MessageAsync(string.Format(null, expected, address))).GetProperty("subject").GetString()
            .ShouldBe("Your login for app.example.com");
    }

    [Theory]
    [InlineData("ann@example.com, ben@example.com")]
    [InlineData("ann@example.com <ben@example.com>")]
    [InlineData("Ann <ann@example.com>, Ben <ben@example.com>")]
    [InlineData("Ann <ann@example.com")]
    [InlineData("Ann <>")]
    [InlineData("team: ann@example.com;")]
    [InlineData("\"Ann\\\" <ann@example.com>")]
    [InlineData("jörg@")]
    [InlineData("jö rg@example.com")]
    [InlineData("jö\u202Erg@example.com")]
    [InlineData("\uFFFE@example.com")]
    [InlineData("ööööööööööööööööööööööööööööööööö@example.com")]
    public async Task Otp_email_create_returns_400_unless_toEmail_is_a_single_valid_address(string to)
    {
        var answer = await SendAsync("otp-email/create",
            $$"""{"otpCreateParams":{"charSetNumeric":true},"otpEmailCreateParams":{{Mail(to)}}}""");

        ServiceAccountTests.ShouldBeFailure(answer, 400);
        answer.Json.GetProperty("message").GetString()!.ShouldStartWith("otpEmailCreateParams.toEmail must ");
    }

    [Fact]
    public async Task Otp_email_create_accepts_short_non_Latin_texts_and_long_optional_texts()
    {
        var to = TestUser.New();
        var text = new string('x', 5000);

        await CreatedAsync(
            "otp-email/create",
            $$$"""
            {"otpCreateParams":{"charSetNumeric":true},"otpEmailCreateParams":{"greeting":"Hi\n{{{text}}}g","serviceName":"一二三四五",
             "subject":"登录","subTitle":"{{{text}}}s","title":"登录","toEmail":"{{{to}}}","toName":"{{{new string('n', 300)}}}"}}
            """,
            "otpEmailCreateResults");

        var message = await MessageAsync(to);
        message.GetProperty("subject").GetString().ShouldBe("登录");
        message.GetProperty("text").GetString()!.ShouldContain(text + "g");
        message.GetProperty("text").GetString()!.ShouldContain(text + "s");
    }

    [Fact]
    public async Task Magic_link_email_create_accepts_a_button_text_of_any_length()
    {
        var (to, text) = (TestUser.New(), new string('b', 300));
        var mail = Mail(to, $"\"buttonText\":\"{text}\",");

        await CreatedAsync(
            "magic-link-email/create",
            $$"""{"magicLinkCreateParams":{"redirectURL":"{{App}}"},"magicLinkEmailCreateParams":{{mail}}}""",
            "magicLinkEmailCreateResults");

        (await MessageAsync(to)).GetProperty("text").GetString()!.ShouldContain(text);
    }

    [Theory]
    [InlineData("subject", "登")]
    [InlineData("title", "four")]
    [InlineData("subject", "")]
    public async Task Otp_email_create_returns_400_for_a_text_shorter_than_5_bytes(string field, string text)
    {
        var mail = JsonSerializer.Deserialize<Dictionary<string, string>>(Mail(TestUser.New()))!;
        mail[field] = text;

        var answer = await SendAsync("otp-email/create",
            $$"""{"otpCreateParams":{"charSetNumeric":true},"otpEmailCreateParams":{{JsonSerializer.Serialize(mail)}}}""");

        ServiceAccountTests.ShouldBeFailure(answer, 400);
        answer.Json.GetProperty("message").GetString()!.ShouldStartWith($"otpEmailCreateParams.{field} ");
    }

    public static TheoryData<string> UuidFormats() =>
        ["as it is", "upper case", "without hyphens", "in braces", "as a URN", "as an upper case URN"];

    private static string FormatUuid(string uuid, string spelling) => spelling switch
    {
        "upper case" => uuid.ToUpperInvariant(),
        "without hyphens" => uuid.Replace("-", "", StringComparison.Ordinal),
        "in braces" => $"{{{uuid}}}",
        "as a URN" => "urn:uuid:" + uuid,
        "as an upper case URN" => ("urn:uuid:" + uuid).ToUpperInvariant(),
        _ => uuid,
    };

    // The API responds after the provider accepted the message, so it is already in the mailbox.
    private async Task<JsonElement> MessageAsync(string to) =>
        (await v2.Host.NewApiClient().GetAsync("/dev/mailbox.json")).Json.EnumerateArray()
            .First(message => message.GetProperty("to").GetString() == to);
}
