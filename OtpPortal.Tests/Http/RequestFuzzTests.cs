using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Http;

/// <summary>Malformed requests to every route cause no server error.</summary>
public sealed class RequestFuzzTests : IAsyncLifetime
{
    private const string Form = "application/x-www-form-urlencoded";

    private static readonly string[] s_values =
        ["%0d%0aabcdef", "%00abcdef", "%ff%fe%80abc", "%ED%A0%80abcdef", "..%2f..%2fabc", "%E2%80%AEabcdef", "{0}abcdef", "a%25abcdef"];

    private static readonly string?[] s_types =
    [
        null, Form, Form + "; charset=utf-7", Form + "; charset=utf-16", Form + "; charset=nonsense", Form + "; charset=\"",
        "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=x; charset=utf-7",
        "application/json", "application/json; charset=utf-7", "application/json; charset=utf-32", "text/plain; charset=utf-7", ";", "/",
    ];

    private static readonly string[] s_bodies =
    [
        "", "a=b",
        "email=%0d%0a%00%ff&code=%ff&back=%0d%0a&lang=de&to=%00&otp=%ed%a0%80&action=resend&ticket=%00&token=%00&secret=%00&key=%00",
        "{", "[]", "null", "{\"email\":\"\\ud800\"}",
        "--x\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\n\0\r\n--x--\r\n", "\u00ff\u00fe\0",
    ];

    private PortalHost _portal = null!;

    public async Task InitializeAsync() =>
        _portal = await PortalHost.StartAsync(
            ("NAMESPACES", "AppA:secret"), ("JOTP_ANONYMOUS", "true"), ("MAIL_LINK", "true"),
            ("LIMIT_SECRET_FAILURES_PER_IP", "100000/300"));

    public async Task DisposeAsync() => await _portal.DisposeAsync();

    private IEnumerable<(string Method, string Path)> Routes()
    {
        var endpoints = _portal.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>();
        foreach (var endpoint in endpoints)
        {
            var path = "/"
                + string.Join('/', endpoint.RoutePattern.PathSegments.Select(segment => string.Concat(segment.Parts.Select(PathOf))));
            // The circuit endpoints implement the SignalR protocol, which is out of scope here.
            if (path.StartsWith("/_", StringComparison.Ordinal)) continue;
            var methods = endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? [];
            foreach (var method in methods.Count == 0 ? ["GET", "POST"] : methods) yield return (method, path);
        }
    }

    private static string PathOf(RoutePatternPart part) => part switch
    {
        RoutePatternLiteralPart literal => literal.Content,
        RoutePatternParameterPart { Name: "namespace" or "Namespace" } => "AppA",
        _ => "{}",
    };

    private async Task<string> SendAsync(
        string method, string path, string? type, string body, string version = "HTTP/1.1", string headers = "")
    {
        using var client = new TcpClient();
        await client.ConnectAsync(_portal.Address.Host, _portal.Address.Port);
        await using var stream = client.GetStream();
        var bytes = Encoding.Latin1.GetBytes(body);
        var typeLine = type is null ? "" : $"Content-Type: {type}\r\n";
        var head = string.Create(
            CultureInfo.InvariantCulture,
            $"{method} {path} {version}\r\nHost: x\r\nConnection: close\r\nContent-Length: {bytes.Length}\r\n{typeLine}{headers}\r\n");
        await stream.WriteAsync((byte[])[.. Encoding.Latin1.GetBytes(head), .. bytes]);
        using var reader = new StreamReader(stream, Encoding.Latin1);
        return await reader.ReadToEndAsync();
    }

    private static int StatusOf(string answer) => int.Parse(answer.AsSpan(9, 3), NumberStyles.None, CultureInfo.InvariantCulture);

    private async Task ShouldNotFailAsync(IEnumerable<Func<Task<(string What, string Answer)>>> requests)
    {
        var failures = new List<string>();
        await Parallel.ForEachAsync(requests, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (request, _) =>
        {
            var (what, answer) = await request();
            if (answer.Length >= 12 && StatusOf(answer) < 500) return;
            lock (failures) failures.Add($"{what}: {answer[..Math.Min(answer.Length, 60)]}");
        });
        failures.ShouldBeEmpty(string.Join('\n', failures));
        _portal.Log.Lines.Where(line => line.StartsWith("Error", StringComparison.Ordinal)).ShouldBeEmpty();
    }

    [Fact]
    public async Task No_content_type_charset_or_body_causes_a_server_error()
    {
        var routes = Routes()
            .Where(route => route.Method is not ("GET" or "HEAD" or "OPTIONS"))
            .Select(route => (route.Method, Path: route.Path.Replace("{}", "abcdefgh", StringComparison.Ordinal)))
            .Distinct()
            .ToList();
        routes.ShouldContain(("POST", "/login"));
        routes.ShouldContain(("POST", "/otp/AppA/abcdefgh"));

        await ShouldNotFailAsync(
            from route in routes
            from type in s_types
            from body in s_bodies
            select (Func<Task<(string, string)>>)(async () =>
                ($"{route.Method} {route.Path} {type} {body}", await SendAsync(route.Method, route.Path, type, body))));
    }

    [Fact]
    public async Task No_path_query_header_or_HTTP_version_causes_a_server_error()
    {
        var long1 = new string('a', 4000);
        string[] queries =
        [
            "", "?%&&==&%ff=%ff",
            "?secret=%0d%0a&token=%00&lang=%ff&view=popup&origin=%0d%0a&return_to=%0d%0a&cursor=%00&limit=-1&otp=%00&a=" + long1,
        ];
        string[] headers =
        [
            "", "Accept: text/html\r\n",
            "Accept: text/html\r\nAccept-Language: \u00ff;q=x, *;q=9\r\nCookie: otp_flow=\u00ff; =; auth_token=%00; otp_lang=xx\r\n",
            "Authorization: Basic \u00ff\r\nX-API-KEY: \u00ff\r\nX-Original-URL: \u00ff\r\nOrigin: null\r\n",
            "Authorization: Bearer\r\nUser-Agent: \u00ff\r\n",
        ];
        var routes = Routes().ToList();

        await ShouldNotFailAsync(
            from route in routes
            from value in route.Path.Contains("{}", StringComparison.Ordinal) ? s_values.Append(long1) : [""]
            from query in queries
            from header in headers
            from version in (string[])["HTTP/1.1", "HTTP/1.0"]
            let path = route.Path.Replace("{}", value, StringComparison.Ordinal) + query
            select (Func<Task<(string, string)>>)(async () =>
                ($"{route.Method} {path[..Math.Min(path.Length, 100)]} {version} {header}",
                    await SendAsync(route.Method, path, Form, "", version, header))));
    }

    [Theory]
    [InlineData("/login")]
    [InlineData("/login-otp")]
    [InlineData("/language")]
    [InlineData("/otp/AppA/abcdefgh")]
    [InlineData("/api/otp/abcdefgh")]
    public async Task Returns_415_for_a_form_in_UTF_7(string path) =>
        StatusOf(await SendAsync("POST", path, "application/x-www-form-urlencoded; charset=utf-7", "a=b")).ShouldBe(415);

    [Fact]
    public async Task A_line_break_in_an_id_does_not_inject_a_response_header()
    {
        foreach (var (method, path) in ((string, string)[])[("GET", ""), ("POST", ""), ("POST", "/address"), ("GET", "/status")])
        {
            var answer = await SendAsync(method, "/otp/AppA/%0d%0aabcdef" + path, "application/x-www-form-urlencoded", "otp=123456");

            StatusOf(answer).ShouldBeOneOf(303, 400, 404, 410);
            answer.ShouldNotContain("\r\nabcdef");
        }
    }
}
