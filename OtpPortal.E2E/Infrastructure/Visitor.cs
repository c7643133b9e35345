using System.Collections.Concurrent;
using System.Text.RegularExpressions;

namespace OtpPortal.E2E.Infrastructure;

/// <summary>Somebody with a browser of their own (cookies, cache). Whatever their console complains of fails the test.</summary>
public sealed class Visitor
{
    private readonly ConcurrentQueue<string> _complaints = new();
    private readonly List<Regex> _tolerated = [];

    private Visitor(IBrowserContext context, PortalProcess portal)
    {
        Context = context;
        Portal = portal;
    }

    public IBrowserContext Context { get; }

    public PortalProcess Portal { get; }

    /// <summary>An address that nobody else uses.</summary>
    public string Address { get; } = $"ann.{Guid.NewGuid():N}@example.com";

    public IEnumerable<string> Complaints => _complaints.Where(text => !_tolerated.Exists(pattern => pattern.IsMatch(text)));

    public static async Task<Visitor> ArriveAsync(Stage stage, Action<BrowserNewContextOptions>? wishes)
    {
        var options = new BrowserNewContextOptions { BaseURL = stage.Portal.Url, Locale = "en-GB" };
        wishes?.Invoke(options);
        var visitor = new Visitor(await stage.Browser.NewContextAsync(options), stage.Portal);
        visitor.Context.SetDefaultTimeout((float)Until.Patience.TotalMilliseconds);
        visitor.Context.Console += (_, message) =>
        {
            // Also what the browser itself says: files that are missing, and violations of the Content-Security-Policy.
            if (message.Type is "error" or "warning") visitor._complaints.Enqueue($"{message.Type}: {message.Text} ({message.Location})");
        };
        visitor.Context.WebError += (_, error) => visitor._complaints.Enqueue("exception: " + error.Error);
        return visitor;
    }

    public Task<IPage> OpenTabAsync() => Context.NewPageAsync();

    /// <summary>Says that complaints of this kind belong to the test.</summary>
    public void Tolerates(string pattern) =>
        _tolerated.Add(new Regex(pattern, RegexOptions.IgnoreCase | RegexOptions.Singleline, TimeSpan.FromSeconds(1)));
}
