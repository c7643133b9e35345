using System.Collections.Concurrent;
using System.Text.RegularExpressions;

namespace OtpPortal.E2E.Infrastructure;

/// <summary>A test user with a separate browser context. Console errors fail the test.</summary>
public sealed class Visitor
{
    private readonly ConcurrentQueue<string> _errors = new();
    private readonly List<Regex> _ignored = [];

    private Visitor(IBrowserContext context, PortalProcess portal)
    {
        Context = context;
        Portal = portal;
    }

    public IBrowserContext Context { get; }

    public PortalProcess Portal { get; }

    /// <summary>Gets a unique email address.</summary>
    public string Address { get; } = $"ann.{Guid.NewGuid():N}@example.com";

    public IEnumerable<string> ConsoleErrors => _errors.Where(text => !_ignored.Exists(pattern => pattern.IsMatch(text)));

    public static async Task<Visitor> ArriveAsync(Stage stage, Action<BrowserNewContextOptions>? wishes)
    {
        var options = new BrowserNewContextOptions { BaseURL = stage.Portal.Url, Locale = "en-GB" };
        wishes?.Invoke(options);
        var visitor = new Visitor(await stage.Browser.NewContextAsync(options), stage.Portal);
        visitor.Context.SetDefaultTimeout((float)Until.DefaultTimeout.TotalMilliseconds);
        visitor.Context.Console += (_, message) =>
        {
            // Includes messages of the browser, such as missing files and CSP violations.
            if (message.Type is "error" or "warning") visitor._errors.Enqueue($"{message.Type}: {message.Text} ({message.Location})");
        };
        visitor.Context.WebError += (_, error) => visitor._errors.Enqueue("exception: " + error.Error);
        return visitor;
    }

    public Task<IPage> OpenTabAsync() => Context.NewPageAsync();

    /// <summary>Ignores console errors that match the pattern.</summary>
    public void IgnoreConsoleErrors(string pattern) =>
        _ignored.Add(new Regex(pattern, RegexOptions.IgnoreCase | RegexOptions.Singleline, TimeSpan.FromSeconds(1)));
}
