using System.Text.Json;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Gateway;

/// <summary><c>/openapi/gateway.json</c> says what the server does: no more, no less.</summary>
public sealed class OpenApiTests(GatewayPortal gateway) : IClassFixture<GatewayPortal>
{
    private async Task<JsonElement> DocumentAsync() => (await gateway.Host.NewProgram().GetAsync("/openapi/gateway.json")).Json;

    [Fact]
    public async Task Every_address_and_method_is_described_and_none_is_made_up()
    {
        var described = (await DocumentAsync()).GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject().Select(operation => $"{operation.Name.ToUpperInvariant()} {path.Name}"));

        var served = gateway.Host.Services.GetServices<EndpointDataSource>().SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
            .Select(endpoint => (Path: "/" + endpoint.RoutePattern.RawText!.TrimStart('/'), endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods))
            .Where(endpoint => endpoint.Path.StartsWith("/api/", StringComparison.Ordinal) || endpoint.Path.StartsWith("/otp/", StringComparison.Ordinal))
            // Pages are GET and answer HEAD; that they take a POST is the framework's doing, and ours come first.
            .SelectMany(endpoint => (endpoint.HttpMethods ?? []).Where(method => method is not "HEAD").Select(method => $"{method} {endpoint.Path}"))
            .Select(each => each.Replace("{Namespace}", "{namespace}", StringComparison.Ordinal).Replace("{Id}", "{id}", StringComparison.Ordinal))
            .Where(each => !each.StartsWith("/api/v2", StringComparison.Ordinal)).Distinct(StringComparer.Ordinal);

        described.ShouldBe(served, ignoreOrder: true);
    }

    [Fact]
    public async Task Every_answer_has_a_described_status_and_exactly_the_described_fields()
    {
        var document = await DocumentAsync();
        var (app, stranger) = (gateway.App, gateway.Host.NewProgram());
        var (id, code) = await app.BeginAsync(("skip_delete", "true"), ("max_attempts", "2"));
        var (locked, right) = await app.BeginAsync(("max_attempts", "1"));
        (string, string)[] wish = [("provider", "mailbox"), ("to", Someone.New())];

        var seen = new List<(string Operation, int Status)>();
        void Compare(string path, string method, Answer answer)
        {
            var responses = document.GetProperty("paths").GetProperty(path).GetProperty(method).GetProperty("responses");
            responses.TryGetProperty(answer.Status.ToString(System.Globalization.CultureInfo.InvariantCulture), out var response).ShouldBeTrue($"{method} {path} answers {answer.Status}: {answer.Body}");
            seen.Add(($"{method} {path}", answer.Status));
            if (response.TryGetProperty("content", out var content))
            {
                Match(document, content.GetProperty("application/json").GetProperty("schema"), answer.Json, $"{method} {path} {answer.Status}");
            }
            if (response.TryGetProperty("headers", out var headers) && answer.Status != 429)
            {
                foreach (var header in headers.EnumerateObject()) answer.Header(header.Name).ShouldNotBeNull();
            }
        }

        Compare("/api/health", "get", await stranger.GetAsync("/api/health"));
        Compare("/api/providers", "get", await app.SendAsync(HttpMethod.Get, "/api/providers", null));
        Compare("/api/providers", "get", await stranger.GetAsync("/api/providers"));
        Compare("/api/otp", "put", await app.SendAsync(HttpMethod.Put, "/api/otp", wish));
        Compare("/api/otp", "put", await app.SendAsync(HttpMethod.Put, "/api/otp", []));
        Compare("/api/otp/{id}", "put", await app.PutAsync(GatewayClient.NewId(), wish));
        Compare("/api/otp/{id}", "put", await app.PutAsync("bad", wish));
        Compare("/api/otp/{id}", "put", await stranger.SendAsync(HttpMethod.Put, "/api/otp/" + id, null));
        Compare("/api/otp/{id}", "put", await app.PutAsync(GatewayClient.NewId(), [.. wish, ("extra", new string('a', 70_000))]));
        Compare("/api/otp/{id}/status", "post", await app.StatusAsync(id));
        Compare("/api/otp/{id}", "post", await app.CheckAsync(id, GatewayClient.NotThe(code)));
        Compare("/api/otp/{id}", "post", await app.CheckAsync(id, code));
        Compare("/api/otp/{id}", "post", await app.CheckAsync(id, code));
        Compare("/api/otp/{id}", "post", await app.CheckAsync(GatewayClient.NewId(), code));
        Compare("/api/otp/{id}", "post", await stranger.PostAsync("/api/otp/" + id));
        Compare("/api/otp/{id}", "post", await app.CheckAsync(locked, GatewayClient.NotThe(right)));
        Compare("/api/otp/{id}", "post", await app.CheckAsync(locked, right));
        Compare("/api/otp/{id}", "put", await app.PutAsync(locked, wish));
        Compare("/otp/{namespace}/{id}/status", "get", await stranger.GetAsync($"/otp/MyApp/{id}/status"));
        Compare("/otp/{namespace}/{id}/status", "get", await stranger.GetAsync("/otp/MyApp/nothing-here/status"));
        Compare("/otp/{namespace}/{id}", "get", await stranger.GetAsync("/otp/MyApp/" + id));
        Compare("/otp/{namespace}/{id}", "get", await stranger.GetAsync("/otp/MyApp/nothing-here"));
        Compare("/api/otp/{id}/status", "post", await app.StatusAsync(id));
        Compare("/api/otp/{id}/status", "delete", await app.DeleteAsync(locked));
        Compare("/api/otp/{id}/status", "delete", await app.DeleteAsync(id));

        seen.Distinct().Count().ShouldBeGreaterThan(18);
    }

    [Fact]
    public async Task The_page_shows_every_operation()
    {
        var document = await DocumentAsync();

        var page = await gateway.Host.NewBrowser().GetAsync("/docs");

        page.Status.ShouldBe(200);
        foreach (var path in document.GetProperty("paths").EnumerateObject())
        {
            foreach (var operation in path.Value.EnumerateObject())
            {
                page.Text.ShouldContain($"{operation.Name.ToUpperInvariant()} {path.Name} {operation.Value.GetProperty("summary").GetString()}");
            }
        }
        document.GetProperty("servers")[0].GetProperty("url").GetString().ShouldBe(gateway.Host.Address.GetLeftPart(UriPartial.Authority));
    }

    // The part of JSON Schema that the document uses.
    private static void Match(JsonElement document, JsonElement schema, JsonElement value, string where)
    {
        if (schema.TryGetProperty("$ref", out var reference))
        {
            schema = document.GetProperty("components").GetProperty("schemas").GetProperty(reference.GetString()!.Split('/')[^1]);
        }
        if (schema.TryGetProperty("enum", out var choices)) choices.EnumerateArray().Select(choice => choice.GetString()).ShouldContain(value.GetString(), where);
        switch (schema.TryGetProperty("type", out var type) ? type.GetString() : null)
        {
            case "object":
                var properties = schema.GetProperty("properties");
                foreach (var required in schema.GetProperty("required").EnumerateArray()) value.TryGetProperty(required.GetString()!, out _).ShouldBeTrue($"{where}: {required} is missing in {value}");
                foreach (var field in value.EnumerateObject())
                {
                    properties.TryGetProperty(field.Name, out var described).ShouldBeTrue($"{where}: {field.Name} is not described");
                    Match(document, described, field.Value, $"{where}.{field.Name}");
                }
                break;
            case "array":
                value.ValueKind.ShouldBe(JsonValueKind.Array, where);
                foreach (var item in value.EnumerateArray()) Match(document, schema.GetProperty("items"), item, where);
                break;
            case "string":
                value.ValueKind.ShouldBe(JsonValueKind.String, where);
                break;
            case "integer":
                value.TryGetInt64(out _).ShouldBeTrue(where);
                break;
            case "boolean":
                value.ValueKind.ShouldBeOneOf(JsonValueKind.True, JsonValueKind.False);
                break;
            case null:
                break;
            default:
                throw new NotSupportedException(where);
        }
    }
}
