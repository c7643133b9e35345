using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using OtpPortal.Tests.Configuration;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.MagicLinks;

/// <summary>Tests that <c>/openapi/v2.json</c> matches the served API and covers the API of magiclinksdev.</summary>
public sealed partial class V2OpenApiTests(V2Portal v2) : IClassFixture<V2Portal>
{
    private const string Root = "/api/v2";

    // Field names and types of the magiclinksdev API 2.0.0, from its OpenAPI document.
    private static readonly Lazy<JsonElement> s_magiclinksdev = new(() =>
        JsonDocument.Parse(
            File.ReadAllText(
                Path.Combine(SettingsTests.RepositoryRoot(), "OtpPortal.Tests", "MagicLinks", "magiclinksdev.json"))).RootElement);

    private Task<DescribedApi> DescribedAsync() => DescribedApi.OfAsync(v2.Host, "v2");

    // A request for each operation with all of its fields.
    private static Dictionary<string, string> Requests()
    {
        const string Code = """{"charSetAlphaLower":true,"charSetAlphaUpper":true,"charSetNumeric":true,"length":6,"lifespanSeconds":60}""";
        const string Jwt = """{"alg":"RS256","claims":{"a":1},"lifespanSeconds":60}""";
        const string Link =
            $$"""{"redirectURL":"https://app.example.com/","redirectQueryKey":"jwt","lifespanSeconds":60,"jwtCreateParams":{{Jwt}}}""";
        string Mail() =>
            $$"""{"toEmail":"{{TestUser.New()}}","toName":"Jane","serviceName":"Shop","subject":"Sign in","title":"Sign in","greeting":"Hello","subTitle":"Now","buttonText":"Go","logoImageURL":"https://app.example.com/l.png","logoClickURL":"https://app.example.com/"}""";
        return new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["admin/service-account/create"] = """{"serviceAccountCreateParams":{"name":"Shop","redirectHosts":["app.example.com"]}}""",
            ["jwt/create"] = $$"""{"jwtCreateParams":{{Jwt}}}""",
            ["jwt/validate"] = """{"jwtValidateParams":{"jwt":"a.b.c"}}""",
            ["magic-link/create"] = $$"""{"magicLinkCreateParams":{{Link}}}""",
            ["magic-link-email/create"] =
                $$"""{"magicLinkCreateParams":{{Link}},"magicLinkEmailCreateParams":{{Mail()}},"otpCreateParams":{{Code}}}""",
            ["otp/create"] = $$"""{"otpCreateParams":{{Code}}}""",
            ["otp/validate"] = """{"otpValidateParams":{"id":"b1f5b2a4-6f0d-4a4b-8a52-4a5d6f7e8c90","otp":"123456"}}""",
            ["otp-email/create"] = $$"""{"otpCreateParams":{{Code}},"otpEmailCreateParams":{{Mail()}}}""",
        };
    }

    private static StringContent Body(string text, string type = "application/json") => new(text, Encoding.UTF8, type);

    [Fact]
    public async Task The_described_operations_match_the_served_ones()
    {
        var served = DescribedApi.ServedBy(v2.Host)
            .Where(operation => operation.Split(' ')[1].StartsWith(Root, StringComparison.Ordinal));

        (await DescribedAsync()).Operations.Keys.ShouldBe(served, ignoreOrder: true);
    }

    [Fact]
    public async Task Every_described_response_is_returned_and_every_response_is_described()
    {
        var api = await DescribedAsync();
        var (admin, app, stranger) = (v2.Admin, await v2.NewAccountAsync(), v2.Host.NewApiClient());
        void Is(string operation, Answer answer) => api.ShouldDescribe($"{Root}/{operation}", "post", answer);

        foreach (var (operation, good) in Requests())
        {
            Is(operation, await admin.SendAsync(operation, Body(good)));
            Is(operation, await admin.SendAsync(operation, Body("[]")));
            Is(operation, await admin.SendAsync(operation, Body(good, "text/plain")));
            Is(operation, await admin.SendAsync(operation, Body(new string(' ', 70_000) + good)));
            Is(operation, await new V2Client(v2.Host, null).SendAsync(operation, Body(good)));
        }
        Is("admin/service-account/create", await app.PostAsync("admin/service-account/create", new { }));
        Is("magic-link-email/create", await app.PostAsync("magic-link-email/create", new
        {
            magicLinkCreateParams = new { redirectURL = "https://app.example.com/" },
            magicLinkEmailCreateParams = new { toEmail = TestUser.New(), serviceName = "Shop", subject = "Sign in", title = "Sign in" },
        }));
        Is("jwt/validate", await app.ValidateJwtAsync(await app.NewJwtAsync(new { claims = new { a = 1 } })));
        var (id, otp) = await app.NewOtpAsync();
        Is("otp/validate", await app.ValidateAsync(id, otp));
        foreach (var (operation, answer) in await CallOverQuotaAsync()) Is(operation, answer);
        foreach (var (operation, answer) in await CallWithFailingMailAsync()) Is(operation, answer);

        api.ShouldDescribe(Root + "/ready", "get", await stranger.GetAsync(Root + "/ready"));
        api.ShouldDescribe(Root + "/jwks.json", "get", await stranger.GetAsync(Root + "/jwks.json"));

        await CallWithoutStoreAsync(api);
        api.Unseen.ShouldBeEmpty();
    }

    private static async Task<List<(string, Answer)>> CallOverQuotaAsync()
    {
        await using var portal = await PortalHost.StartAsync(V2Portal.Setting, ("LIMIT_REQUESTS_PER_ACCOUNT", "1/60"));
        var app = new V2Client(portal, V2Portal.AdminKey);
        await app.NewOtpAsync();
        var answers = new List<(string, Answer)>();
        foreach (var (operation, good) in Requests()) answers.Add((operation, await app.SendAsync(operation, Body(good))));
        answers.ShouldAllBe(each => each.Item2.Status == 429);
        return answers;
    }

    private static async Task<List<(string, Answer)>> CallWithFailingMailAsync()
    {
        await using var postmark = await RecordingServer.StartAsync();
        postmark.Answer = _ => (422, """{"ErrorCode":406,"Message":"no"}""");
        await using var portal = await PortalHost.StartWithAsync(
            null, postmark.Address, V2Portal.Setting, ("MAIL_TRANSPORT", "postmark"), ("POSTMARK_SERVER_TOKEN", "token"),
            ("POSTMARK_API_URL", postmark.Address.ToString()), ("LIMIT_SENDS_PER_ADDRESS", "1/60"));
        var (app, requests) = (new V2Client(portal, V2Portal.AdminKey), Requests());
        var answers = new List<(string, Answer)>();
        foreach (var operation in (string[])["otp-email/create", "magic-link-email/create"])
        {
            answers.Add((operation, await app.SendAsync(operation, Body(requests[operation]))));
            answers.Add((operation, await app.SendAsync(operation, Body(requests[operation]))));
        }
        answers.Select(each => each.Item2.Status).ShouldBe([502, 429, 502, 429]);
        return answers;
    }

    private static async Task CallWithoutStoreAsync(DescribedApi api)
    {
        using var redis = RedisServer.Start();
        await using var portal = await PortalHost.StartOnAsync(redis, V2Portal.Setting);
        var (app, stranger) = (new V2Client(portal, V2Portal.AdminKey), portal.NewApiClient());
        redis.Stop();
        // Expires the cached signing keys, so that they are read again.
        portal.Clock.Advance(TimeSpan.FromMinutes(1));

        foreach (var (operation, good) in Requests()) api.ShouldDescribe(
            $"{Root}/{operation}", "post", await app.SendAsync(operation, Body(good)));
        api.ShouldDescribe(Root + "/ready", "get", await stranger.GetAsync(Root + "/ready"));
        // The known keys are served from memory for an hour.
        portal.Clock.Advance(TimeSpan.FromHours(1));
        api.ShouldDescribe(Root + "/jwks.json", "get", await stranger.GetAsync(Root + "/jwks.json"));
    }

    [Fact]
    public async Task Undescribed_paths_and_methods_return_standard_errors()
    {
        var program = v2.Host.NewApiClient();

        ServiceAccountTests.ShouldBeFailure(await program.GetAsync(Root + "/otp"), 404);
        var code = await program.GetAsync(Root + "/OTP/create/");
        ServiceAccountTests.ShouldBeFailure(code, 405);
        code.Header("Allow").ShouldBe("POST");
        foreach (var path in (string[])["/ready", "/jwks.json"])
        {
            var answer = await program.SendAsync(HttpMethod.Post, Root + path, null);
            ServiceAccountTests.ShouldBeFailure(answer, 405);
            answer.Header("Allow").ShouldBe("GET, HEAD");
        }
    }

    [Fact]
    public async Task The_described_fields_match_the_fields_that_are_read()
    {
        var api = await DescribedAsync();
        var described = Requests().Keys.SelectMany(operation => Fields(api, BodyOf(api, operation), ""))
            .Select(field => field.Name.Split('.')[^1]).Distinct(StringComparer.Ordinal);

        // Every field is read by name, in Requests or in an endpoint.
        var sources = Directory.EnumerateFiles(Path.Combine(SettingsTests.RepositoryRoot(), "OtpPortal", "MagicLinks"), "*.cs");
        var read = sources.SelectMany(file => ReadField().Matches(File.ReadAllText(file))).Select(match => match.Groups[1].Value);

        described.ShouldBe(read.Distinct(StringComparer.Ordinal), ignoreOrder: true);
    }

    [Fact]
    public async Task Every_described_field_limit_is_enforced()
    {
        var api = await DescribedAsync();
        var held = 0;
        foreach (var operation in Requests().Keys)
        {
            foreach (var (field, part, isRequired) in Fields(api, BodyOf(api, operation), ""))
            {
                async Task VerifyAsync(JsonNode? value, bool isTaken)
                {
                    var request = JsonNode.Parse(Requests()[operation])!;
                    var names = field.Split('.');
                    var parent = names[..^1].Aggregate(request, (node, name) => node[name]!).AsObject();
                    if (value is null) parent.Remove(names[^1]);
                    else parent[names[^1]] = value;
                    var answer = await v2.Admin.SendAsync(operation, JsonContent.Create(request));
                    var isRefused = answer.Status == 400
                        && answer.Json.GetProperty("message").GetString()!.StartsWith(field + " ", StringComparison.Ordinal);
                    isRefused.ShouldBe(
                        !isTaken,
                        $"{operation} {field} = {value?.ToJsonString()[..Math.Min(60, value.ToJsonString().Length)]}: {answer.Body}");
                    held++;
                }

                long? Limit(string name) => part.TryGetProperty(name, out var limit) ? limit.GetInt64() : null;
                JsonNode Text(long length) => part.TryGetProperty("format", out var format) && format.GetString() == "uri"
                    ? "https://app.example.com/".PadRight((int)length, 'a')[..(int)length] : new string('x', (int)length);

                await VerifyAsync(null, !isRequired);
                if (Limit("minimum") is { } least)
                {
                    await VerifyAsync(least, isTaken: true);
                    // 0 selects the default, so -1 is the first invalid value.
                    await VerifyAsync(least > 1 ? least - 1 : -1, isTaken: false);
                }
                if (Limit("maximum") is { } most)
                {
                    await VerifyAsync(most, isTaken: true);
                    await VerifyAsync(most + 1, isTaken: false);
                }
                if (Limit("minLength") is > 1 and { } shortest)
                {
                    await VerifyAsync(Text(shortest), isTaken: true);
                    await VerifyAsync(Text(shortest - 1), isTaken: false);
                }
                if (Limit("maxLength") is { } longest)
                {
                    if (!field.EndsWith(".toEmail", StringComparison.Ordinal)) await VerifyAsync(Text(longest), isTaken: true);
                    await VerifyAsync(Text(longest + 1), isTaken: false);
                }
                if (Limit("maxItems") is { } items)
                {
                    await VerifyAsync(
                        new JsonArray([.. Enumerable.Repeat("a.example", (int)items).Select(host => JsonValue.Create(host))]),
                        isTaken: true);
                    await VerifyAsync(
                        new JsonArray([.. Enumerable.Repeat("a.example", (int)items + 1).Select(host => JsonValue.Create(host))]),
                        isTaken: false);
                }
                // RS256 is available on every machine.
                if (part.TryGetProperty("enum", out var choices))
                    await VerifyAsync(choices.EnumerateArray().First(choice => choice.GetString() == "RS256").GetString(), isTaken: true);
                await VerifyAsync(part.GetProperty("type").GetString() == "object" ? "x" : new JsonObject(), isTaken: false);
            }
        }
        held.ShouldBeGreaterThan(200);
    }

    [Fact]
    public async Task All_magiclinksdev_fields_are_described_with_the_same_name_and_type()
    {
        var api = await DescribedAsync();
        var key = api.Document.GetProperty("components").GetProperty("securitySchemes").GetProperty("apiKey");
        $"{key.GetProperty("in").GetString()} {key.GetProperty("name").GetString()}"
            .ShouldBe(s_magiclinksdev.Value.GetProperty("key").GetString());
        s_magiclinksdev.Value.GetProperty("base").GetString().ShouldBe(Root);

        foreach (var (where, theirs) in MagiclinksdevFields())
        {
            var ours = DescribedFields(api)[where];
            foreach (var (field, type) in theirs)
            {
                ours.TryGetValue(field, out var own).ShouldBeTrue($"{where} has no {field}");
                own.Split(' ')[0].ShouldBe(type.Split(' ')[0], $"{where} {field}");
                if (type.EndsWith(" required", StringComparison.Ordinal))
                    own.ShouldEndWith(" required", Case.Sensitive, $"{where} {field}");
            }
        }
    }

    [Fact]
    public async Task Additions_to_the_magiclinksdev_API_are_the_documented_ones()
    {
        var api = await DescribedAsync();
        var (theirs, besides) = (MagiclinksdevFields(), new List<string>());
        besides.AddRange(api.Operations.Keys.Where(operation => operation.Contains($" {Root}/", StringComparison.Ordinal))
            .Select(operation => operation.Replace($" {Root}/", " /", StringComparison.Ordinal))
            .Where(operation => !theirs.Keys.Any(where => where.StartsWith(operation + " ", StringComparison.Ordinal))));
        foreach (var (where, fields) in DescribedFields(api).Where(each => theirs.ContainsKey(each.Key)))
        {
            foreach (var (field, type) in fields)
            {
                if (!theirs[where].TryGetValue(field, out var own))
                {
                    // Fields inside an additional object are not listed separately.
                    if (!field.Contains('.', StringComparison.Ordinal) || theirs[where].ContainsKey(field[..field.LastIndexOf('.')]))
                        besides.Add($"{where} {field}");
                }
                // An additional required field in a response does not break clients.
                else if (where.EndsWith(" request", StringComparison.Ordinal) && type.EndsWith(" required", StringComparison.Ordinal)
                    && !own.EndsWith(" required", StringComparison.Ordinal))
                    besides.Add($"{where} {field} required");
            }
        }

        besides.ShouldBe(
        [
            "GET /jwks.json",
            "POST /admin/service-account/create request serviceAccountCreateParams.name",
            "POST /admin/service-account/create request serviceAccountCreateParams.redirectHosts",
            "POST /jwt/validate request jwtValidateParams.jwt required",
            "POST /magic-link-email/create 201 magicLinkEmailCreateResults.otpCreateResults",
            "POST /magic-link-email/create request otpCreateParams",
            "POST /otp/validate request otpValidateParams required",
            "POST /otp/validate request otpValidateParams.id required",
            "POST /otp/validate request otpValidateParams.otp required",
        ], ignoreOrder: true);
    }

    [Fact]
    public async Task The_API_page_shows_every_operation_and_nested_fields()
    {
        await (await DescribedAsync()).ShouldBeShownByAsync(v2.Host);

        var page = await v2.Host.NewBrowser().GetAsync("/docs");
        page.Text.ShouldContain("magicLinkCreateParams.jwtCreateParams.lifespanSeconds");
        page.Text.ShouldContain("otpEmailCreateParams.subject (required) body string; 5 to 100 characters");
        page.Text.ShouldContain("serviceAccountCreateResults.serviceAccount.apiKey");
        page.Text.ShouldContain("keys.kid");
    }

    // Maps operation and part, such as "POST /otp/create request" or "GET /ready 200", to fields by dotted name.
    private static Dictionary<string, Dictionary<string, string>> MagiclinksdevFields()
    {
        var theirs = new Dictionary<string, Dictionary<string, string>>(StringComparer.Ordinal);
        foreach (var operation in s_magiclinksdev.Value.GetProperty("operations").EnumerateObject())
        {
            foreach (var part in operation.Value.EnumerateObject())
            {
                var fields = part.Value.ValueKind == JsonValueKind.String
                    ? s_magiclinksdev.Value.GetProperty(part.Value.GetString()!) : part.Value;
                theirs[$"{operation.Name} {part.Name}"] = fields.EnumerateObject()
                    .ToDictionary(field => field.Name, field => field.Value.GetString()!, StringComparer.Ordinal);
            }
        }
        theirs.Count.ShouldBeGreaterThan(15);
        return theirs;
    }

    private static Dictionary<string, Dictionary<string, string>> DescribedFields(DescribedApi api)
    {
        Dictionary<string, string> FieldsOf(JsonElement content) =>
            content.TryGetProperty("content", out var types) && types.TryGetProperty("application/json", out var json)
            ? Fields(api, json.GetProperty("schema"), "")
                .ToDictionary(field => field.Name, field => field.Schema.GetProperty("type").GetString()
                    + (field.IsRequired ? " required" : ""), StringComparer.Ordinal)
            : [];

        var ours = new Dictionary<string, Dictionary<string, string>>(StringComparer.Ordinal);
        foreach (var (name, operation) in api.Operations)
        {
            var where = name.Replace($" {Root}/", " /", StringComparison.Ordinal);
            if (operation.TryGetProperty("requestBody", out var body)) ours[where + " request"] = FieldsOf(body);
            foreach (var response in operation.GetProperty("responses").EnumerateObject())
                ours[$"{where} {response.Name}"] = FieldsOf(api.Resolve(response.Value));
        }
        return ours;
    }

    private static JsonElement BodyOf(DescribedApi api, string operation) =>
        api.Operations[$"POST {Root}/{operation}"].GetProperty("requestBody").GetProperty("content")
            .GetProperty("application/json").GetProperty("schema");

    [GeneratedRegex("(?:\\.(?:Has|Object|Text|Texts|Number|Flag|Raw)\\(|ImageUrl\\(fields, )\"([A-Za-z]+)\"")]
    private static partial Regex ReadField();

    private static IEnumerable<(string Name, JsonElement Schema, bool IsRequired)> Fields(DescribedApi api, JsonElement schema, string path)
    {
        schema = api.Resolve(schema);
        if (!schema.TryGetProperty("properties", out var properties)) yield break;
        var required = schema.TryGetProperty("required", out var names)
            ? names.EnumerateArray().Select(name => name.GetString()).ToHashSet(StringComparer.Ordinal) : [];
        foreach (var property in properties.EnumerateObject())
        {
            var field = api.Resolve(property.Value);
            yield return (path + property.Name, field, required.Contains(property.Name));
            foreach (var inner in Fields(api, field, path + property.Name + '.')) yield return inner;
        }
    }
}
