using System.Text;
using System.Text.Json.Nodes;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.MagicLinks;

/// <summary>Tests that <c>/api/v2</c> rejects invalid requests with an error that names the field.</summary>
public sealed class V2BadInputTests(V2Portal v2) : IClassFixture<V2Portal>
{
    private const string Mail =
        """{"serviceName":"example.com","subject":"Sign in to example.com","title":"Sign in to example.com","toEmail":"TO"}""";

    // A valid request for each operation.
    private static readonly Dictionary<string, string> s_valid = new(StringComparer.Ordinal)
    {
        ["otp/create"] = """{"otpCreateParams":{"charSetNumeric":true,"length":6,"lifespanSeconds":60}}""",
        ["otp-email/create"] = $$"""{"otpCreateParams":{"charSetNumeric":true},"otpEmailCreateParams":{{Mail}}}""",
        ["otp/validate"] = """{"otpValidateParams":{"id":"b1f5b2a4-6f0d-4a4b-8a52-4a5d6f7e8c90","otp":"123456"}}""",
        ["jwt/create"] = """{"jwtCreateParams":{"alg":"EdDSA","claims":{"a":1},"lifespanSeconds":60}}""",
        ["jwt/validate"] = """{"jwtValidateParams":{"jwt":"a.b.c"}}""",
        ["magic-link/create"] =
            """{"magicLinkCreateParams":{"redirectURL":"https://app.example.com/in","redirectQueryKey":"jwt","lifespanSeconds":60,"jwtCreateParams":{"claims":{}}}}""",
        ["magic-link-email/create"] =
            $$"""{"magicLinkCreateParams":{"redirectURL":"https://app.example.com/in"},"magicLinkEmailCreateParams":{{Mail}}}""",
        ["admin/service-account/create"] = """{"serviceAccountCreateParams":{}}""",
    };

    // Operation, path of the field, value as JSON (an empty value removes the field).
    public static TheoryData<string, string, string> InvalidFields()
    {
        var data = new TheoryData<string, string, string>();
        void Add(string operation, string path, params string[] values)
        {
            foreach (var value in values) data.Add(operation, path, value);
        }

        foreach (var (operation, path) in new[] { ("otp/create", "otpCreateParams"), ("otp-email/create", "otpCreateParams") })
        {
            Add(operation, path, "", "null", "[]", "\"text\"", "1");
            foreach (var flag in (string[])["charSetAlphaLower", "charSetAlphaUpper", "charSetNumeric"])
                Add(operation, $"{path}.{flag}", "\"true\"", "1", "{}");
            Add(operation, $"{path}.length", "-1", "13", "6.5", "\"6\"", "99999999999999999999", "true");
            Add(operation, $"{path}.lifespanSeconds", "4", "-5", "9460800000", "7905600001", "1e3000", "\"60\"", "0.5");
        }
        Add("otp/validate", "otpValidateParams", "", "[]");
        foreach (var field in (string[])["id", "otp"])
            Add("otp/validate", "otpValidateParams." + field, "", "null", "\"\"", "5", "[]", $"\"{new string('1', 101)}\"");
        Add("jwt/create", "jwtCreateParams", "", "null", "[]", "\"x\"");
        Add("jwt/create", "jwtCreateParams.alg", "\"none\"", "\"HS256\"", "\"eddsa\"", "\"ES512\"", "5", "{}");
        Add("jwt/create", "jwtCreateParams.claims", "[]", "\"x\"", "5", $$"""{"big":"{{new string('x', 4200)}}"}""");
        foreach (var name in (string[])["iss", "sub", "aud", "exp", "nbf", "iat", "jti"])
            Add("jwt/create", "jwtCreateParams.claims", $$"""{"{{name}}":"x"}""", $$"""{"{{name}}":null}""");
        Add("jwt/create", "jwtCreateParams.claims", """{"\u0069ss":"x"}""", """{"SUB":"x"}""", """{"Aud":["x"]}""");
        Add("jwt/create", "jwtCreateParams.lifespanSeconds", "4", "9460800000", "\"300\"", "1.5");
        Add("jwt/validate", "jwtValidateParams", "", "5");
        Add("jwt/validate", "jwtValidateParams.jwt", "", "\"\"", "5", "{}");
        foreach (var operation in (string[])["magic-link/create", "magic-link-email/create"])
        {
            const string Path = "magicLinkCreateParams";
            Add(operation, Path, "", "[]");
            Add(
                operation, Path + ".redirectURL", "", "\"\"", "5", "\"javascript:alert(1)\"", "\"data:text/html,x\"",
                "\"file:///etc/passwd\"", "\"ftp://app.example.com/\"", "\"//app.example.com/\"",
                "\"/relative\"", "\"app.example.com\"", "\"https:app.example.com\"", "\"https://\"", "\"https://user@\"",
                "\"https://app.example.com\\\\@evil.example\"",
                "\"https://one@two@app.example.com/\"", "\"https://us er@app.example.com/\"", "\"https://üser@app.example.com/\"",
                "\"https://app.example.com／@evil.example/\"",
                "\"https://app.example.com／.evil.example/\"", "\"https://app.example.com℀.evil.example/\"",
                "\"https://-bücher-.example/\"", "\"https://app .example.com/\"",
                "\"https://app.example.com/\\nx\"", "\"https://app.example.com/\\u0085x\"", "\"https://app.example.com:99999999/\"",
                $"\"https://app.example.com/{new string('ü', 400)}\"", $"\"https://app.example.com/{new string('a', 2048)}\"");
            Add(operation, Path + ".redirectQueryKey", "5", "\"a\\nb\"");
            Add(operation, Path + ".lifespanSeconds", "4", "9460800000", "\"60\"");
            Add(operation, Path + ".jwtCreateParams", "[]", "5");
            Add(operation, Path + ".jwtCreateParams.claims", """{"sub":"x"}""");
            Add(operation, Path + ".jwtCreateParams.alg", "\"none\"");
            Add(operation, Path + ".jwtCreateParams.lifespanSeconds", "4");
        }
        foreach (var (operation, path) in new[]
        {
            ("otp-email/create", "otpEmailCreateParams"), ("magic-link-email/create", "magicLinkEmailCreateParams"),
        })
        {
            Add(operation, path, "", "5");
            Add(operation, path + ".serviceName", "", "\"\"", "5", $"\"{new string('s', 257)}\"", "\"a\\u0000b\"");
            Add(operation, path + ".subject", "", "\"four\"", "5", $"\"{new string('s', 101)}\"", "\"Sign in\\r\\nBcc: all@example.com\"");
            Add(operation, path + ".title", "", "\"four\"", "5", $"\"{new string('t', 257)}\"", "\"two\\u0000lines\"");
            Add(operation, path + ".toEmail", "", "\"\"", "\"nobody\"", "5", "\"a@example.com, b@example.com\"",
                "\"a@example.com\\nBcc: b@example.com\"", "\"A\\nBcc: <a@example.com>\"", "\"\\\"A\\r\\nBcc\\\" <a@example.com>\"");
            Add(operation, path + ".toName", "5", "\"a\\nb\"");
            Add(operation, path + ".greeting", "5", "\"a\\u0000b\"");
            Add(operation, path + ".subTitle", "5", "\"a\\u001bb\"");
            Add(operation, path + ".logoImageURL", "5", "\"logo.png\"", "\"https://user@app.example.com/logo.png\"",
                "\"javascript:alert(1)\"", "\"data:image/png;base64,AAAA\"");
            Add(operation, path + ".logoClickURL", "5", "\"javascript:alert(1)\"");
        }
        Add("magic-link-email/create", "magicLinkEmailCreateParams.buttonText", "5", "\"a\\u0000b\"");
        Add("admin/service-account/create", "serviceAccountCreateParams", "5", "[]");
        Add("admin/service-account/create", "serviceAccountCreateParams.name", "5", "\"a\\nb\"", $"\"{new string('n', 101)}\"");
        Add(
            "admin/service-account/create", "serviceAccountCreateParams.redirectHosts", "\"app.example.com\"", "[5]",
            "[\"https://app.example.com\"]", "[\"*.com\"]");
        return data;
    }

    [Theory]
    [MemberData(nameof(InvalidFields))]
    public async Task An_invalid_field_is_rejected_by_name(string operation, string path, string value)
    {
        var to = TestUser.New();
        var answer = await SendAsync(operation, SetField(s_valid[operation].Replace("TO", to, StringComparison.Ordinal), path, value));

        ServiceAccountTests.ShouldBeFailure(answer, 400);
        answer.Json.GetProperty("message").GetString()!.ShouldStartWith(path);
        (await v2.Host.NewApiClient().GetAsync("/dev/mailbox.json")).Body.ShouldNotContain(to);
    }

    [Fact]
    public async Task Valid_requests_are_accepted()
    {
        foreach (var (operation, body) in s_valid)
        {
            var answer = await SendAsync(operation, body.Replace("TO", TestUser.New(), StringComparison.Ordinal));
            answer.Status.ShouldBe(
                operation switch { "otp/validate" => 400, "jwt/validate" => 422, _ => 201 }, operation + " " + answer.Body);
        }
    }

    [Fact]
    public async Task A_request_without_any_character_set_is_rejected()
    {
        var answer = await SendAsync(
            "otp/create", """{"otpCreateParams":{"charSetAlphaLower":false,"charSetAlphaUpper":false,"charSetNumeric":false}}""");

        ServiceAccountTests.ShouldBeFailure(answer, 400);
        answer.Json.GetProperty("message").GetString()!.ShouldStartWith("otpCreateParams.charSetNumeric");
    }

    [Fact]
    public async Task Zero_and_empty_values_select_the_defaults()
    {
        var otp = await SendAsync(
            "otp/create",
            """{"otpCreateParams":{"charSetAlphaLower":false,"charSetAlphaUpper":false,"charSetNumeric":true,"length":0,"lifespanSeconds":0}}""");
        var jwt = await SendAsync("jwt/create", """{"jwtCreateParams":{"alg":"","claims":null,"lifespanSeconds":0}}""");
        var link = await SendAsync(
            "magic-link/create",
            """{"magicLinkCreateParams":{"redirectURL":"http://localhost:8080/","redirectQueryKey":"","lifespanSeconds":0,"jwtCreateParams":{"alg":"","claims":null,"lifespanSeconds":0}}}""");

        otp.Json.GetProperty("otpCreateResults").GetProperty("otp").GetString()!.Length.ShouldBe(6);
        var claims = V2Client.Part(jwt.Json.GetProperty("jwtCreateResults").GetProperty("jwt").GetString()!, 1);
        (claims.GetProperty("exp").GetInt64() - claims.GetProperty("iat").GetInt64()).ShouldBe(300);
        link.Status.ShouldBe(201);
    }

    [Fact]
    public async Task Field_names_are_case_insensitive_and_must_be_unique()
    {
        var answer = await SendAsync("otp/create", """{"OTPCreateParams":{"CharSetAlphaLower":true,"Length":12}}""");
        answer.Status.ShouldBe(201, answer.Body);
        answer.Json.GetProperty("otpCreateResults").GetProperty("otp").GetString()!.ShouldMatch("^[a-z]{12}$");
        var link = await SendAsync("magic-link/create", """{"magicLinkCreateParams":{"redirectUrl":"https://app.example.com/"}}""");
        link.Status.ShouldBe(201, link.Body);

        var twice = await SendAsync("otp/create", """{"otpCreateParams":{"Length":6,"LENGTH":1}}""");
        ServiceAccountTests.ShouldBeFailure(twice, 400);
        twice.Json.GetProperty("message").GetString()!.ShouldStartWith("otpCreateParams.length");
    }

    [Theory]
    [InlineData("")]
    [InlineData("no json")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("5")]
    [InlineData("{\"otpCreateParams\":{},\"otpCreateParams\":{}}")]
    [InlineData("{\"otpCreateParams\":{\"length\":6,\"length\":1}}")]
    [InlineData("{\"otpCreateParams\":{}} trailing")]
    [InlineData("{\"otpCreateParams\":{}}//")]
    public async Task A_body_that_is_not_a_JSON_object_is_rejected(string body) =>
        ServiceAccountTests.ShouldBeFailure(await SendAsync("otp/create", body), 400);

    [Fact]
    public async Task Invalid_Unicode_is_rejected()
    {
        ServiceAccountTests.ShouldBeFailure(await SendAsync("otp/validate", """{"otpValidateParams":{"id":"\ud800","otp":"1"}}"""), 400);
        ServiceAccountTests.ShouldBeFailure(
            await SendAsync("otp/validate", """{"otpValidateParams":{"\ud800":"x","id":"a","otp":"1"}}"""), 400);
        byte[] broken =
            [.. Encoding.UTF8.GetBytes("{\"otpValidateParams\":{\"id\":\""), 0xff, .. Encoding.UTF8.GetBytes("\",\"otp\":\"1\"}}")];
        var content = new ByteArrayContent(broken);
        content.Headers.ContentType = new("application/json");
        ServiceAccountTests.ShouldBeFailure(await v2.Admin.SendAsync("otp/validate", content), 400);
    }

    [Theory]
    [InlineData("""{"a":"\ud800"}""")]
    [InlineData("""{"a":[{"b":"\udc00"}]}""")]
    [InlineData("""{"a":{"\ud800":1}}""")]
    [InlineData("{\"a\":\"\u00ff\"}")]
    [InlineData("{\"\u00ff\":1}")]
    public async Task Claims_with_invalid_Unicode_are_rejected(string claims)
    {
        foreach (var (operation, before, after) in new[]
        {
            ("jwt/create", """{"jwtCreateParams":{"claims":""", "}}"),
            ("magic-link/create",
                """{"magicLinkCreateParams":{"redirectURL":"https://app.example.com/","jwtCreateParams":{"claims":""", "}}}"),
        })
        {
            // The Latin-1 encoding of ÿ is a byte that is invalid in UTF-8.
            var content = new ByteArrayContent(Encoding.Latin1.GetBytes(before + claims + after));
            content.Headers.ContentType = new("application/json");
            ServiceAccountTests.ShouldBeFailure(await v2.Admin.SendAsync(operation, content), 400);
        }
    }

    [Fact]
    public async Task Bodies_that_are_too_deep_or_too_large_are_rejected()
    {
        var deep = string.Concat(Enumerable.Repeat("{\"a\":", 1000)) + "1" + new string('}', 1000);
        ServiceAccountTests.ShouldBeFailure(await SendAsync("jwt/create", "{\"jwtCreateParams\":{\"claims\":" + deep + "}}"), 400);
        ServiceAccountTests.ShouldBeFailure(await SendAsync("jwt/create", new string('[', 60_000)), 400);
        ServiceAccountTests.ShouldBeFailure(
            await SendAsync("jwt/create", "{\"jwtCreateParams\":{\"claims\":{\"a\":\"" + new string('a', 70_000) + "\"}}}"), 413);
    }

    [Theory]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("text/plain")]
    [InlineData("multipart/form-data; boundary=x")]
    public async Task Returns_415_when_the_content_type_is_not_JSON(string type)
    {
        var content = new ByteArrayContent(Encoding.UTF8.GetBytes(s_valid["otp/create"]));
        content.Headers.TryAddWithoutValidation("Content-Type", type);
        ServiceAccountTests.ShouldBeFailure(await v2.Admin.SendAsync("otp/create", content), 415);
        ServiceAccountTests.ShouldBeFailure(await v2.Admin.SendAsync("otp/create", null), 415);
    }

    private Task<Answer> SendAsync(string operation, string body) =>
        v2.Admin.SendAsync(operation, new StringContent(body, Encoding.UTF8, "application/json"));

    private static string SetField(string json, string path, string value)
    {
        var root = JsonNode.Parse(json)!;
        var parts = path.Split('.');
        var parent = root;
        foreach (var part in parts[..^1]) parent = parent[part] ??= new JsonObject();
        if (value.Length == 0) parent.AsObject().Remove(parts[^1]);
        // Inserted as text, because parsing would normalize values that the tests need unchanged.
        else parent[parts[^1]] = "PLACE-OF-THE-VALUE";
        return root.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping })
            .Replace("\"PLACE-OF-THE-VALUE\"", value, StringComparison.Ordinal);
    }
}
