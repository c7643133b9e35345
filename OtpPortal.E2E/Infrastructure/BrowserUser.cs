using System.Collections.Concurrent;
using System.Text.RegularExpressions;

namespace OtpPortal.E2E.Infrastructure;

/// <summary>A test user with a separate browser context. Console errors fail the test.</summary>
public sealed class BrowserUser
{
    private readonly ConcurrentQueue<string> _errors = new();
    private readonly List<Regex> _ignored = [];

    private BrowserUser(IBrowserContext context, PortalProcess portal)
    {
        Context = context;
        Portal = portal;
    }

    public IBrowserContext Context { get; }

    public PortalProcess Portal { get; }

    /// <summary>Gets a unique email address.</summary>
    public string Address { get; } = $"ann.{Guid.NewGuid():N}@example.com";

    public IEnumerable<string> ConsoleErrors => _errors.Where(text => !_ignored.Exists(pattern => pattern.IsMatch(text)));

    public static async Task<BrowserUser> OpenBrowserAsync(Stage stage, Action<BrowserNewContextOptions>? configure)
    {
        var options = new BrowserNewContextOptions { BaseURL = stage.Portal.Url, Locale = "en-GB" };
        configure?.Invoke(options);
        var user = new BrowserUser(await stage.Browser.NewContextAsync(options), stage.Portal);
        user.Context.SetDefaultTimeout((float)Until.DefaultTimeout.TotalMilliseconds);
        user.Context.Console += (_, message) =>
        {
            // Includes messages of the browser, such as missing files and CSP violations.
            if (message.Type is "error" or "warning") user._errors.Enqueue($"{message.Type}: {message.Text} ({message.Location})");
        };
        user.Context.WebError += (_, error) => user._errors.Enqueue("exception: " + error.Error);
        return user;
    }

    public Task<IPage> OpenTabAsync() => Context.NewPageAsync();

    /// <summary>Ignores console errors that match the pattern.</summary>
    public void IgnoreConsoleErrors(string pattern) =>
        _ignored.Add(new Regex(pattern, RegexOptions.IgnoreCase | RegexOptions.Singleline, TimeSpan.FromSeconds(1)));
}
