using System.Diagnostics;
using System.Globalization;

namespace OtpPortal.Bench;

/// <summary>Measures the delivery time of sign-in mail while a thousand messages to another domain fail.</summary>
internal static class Delivery
{
    private const int Stuck = 1000;
    private const int Samples = 60;

    // The pause between samples, so that the measurement spans retries and timeouts of the failing messages.
    private static readonly TimeSpan s_between = TimeSpan.FromMilliseconds(500);

    public static async Task MeasureAsync(Stage stage)
    {
        Console.WriteLine();
        Console.WriteLine($"| {Samples} sign-in mails, one every {s_between.TotalSeconds} s, beside | median | slowest |");
        Console.WriteLine("| --- | ---: | ---: |");
        foreach (var (what, domains) in new (string, string[])[]
        {
            ("nothing", []),
            ($"{Stuck:N0} to a domain that answers 450", [FakeSmtp.Busy]),
            ($"{Stuck:N0} to a domain that hangs", [FakeSmtp.Slow]),
            ("both", [FakeSmtp.Busy, FakeSmtp.Slow]),
        })
        {
            await using var mail = new FakeSmtp();
            await using var portal = await stage.StartPortalAsync(
                ("MAIL_TRANSPORT", "smtp"), ("SMTP_HOST", "127.0.0.1"), ("SMTP_PORT", $"{mail.Port}"), ("SMTP_TLS", "none"),
                ("DOMAIN_NAME", "bench.example"));
            // The client neither follows redirects nor keeps cookies.
            using var http = new HttpClient(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false });
            http.BaseAddress = new Uri(portal.Address);
            await SendAsync(http, mail, "first@other.example");
            foreach (var domain in domains)
            {
                for (var i = 0; i < Stuck; i++) await BeginAsync(http, $"someone{i}@{domain}");
            }

            var delays = new List<TimeSpan>();
            for (var i = 0; i < Samples; i++)
            {
                delays.Add(await SendAsync(http, mail, $"ann{i}@other.example"));
                await Task.Delay(s_between);
            }
            delays.Sort();
            var (median, slowest) = (delays[Samples / 2].TotalMilliseconds, delays[^1].TotalMilliseconds);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {what} | {median:0} ms | {slowest:0} ms |"));
        }
    }

    // Measures the time from posting the form to the arrival of the mail.
    private static async Task<TimeSpan> SendAsync(HttpClient http, FakeSmtp mail, string address)
    {
        var start = Stopwatch.GetTimestamp();
        await BeginAsync(http, address);
        await mail.Arrival(address).WaitAsync(TimeSpan.FromMinutes(6));
        return Stopwatch.GetElapsedTime(start);
    }

    private static async Task BeginAsync(HttpClient http, string address)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/login");
        request.Content = new FormUrlEncodedContent([new("email", address)]);
        request.Headers.Accept.ParseAdd("application/json");
        using var response = await http.SendAsync(request);
        response.EnsureSuccessStatusCode();
    }
}
