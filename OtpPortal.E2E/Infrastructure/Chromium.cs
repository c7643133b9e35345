namespace OtpPortal.E2E.Infrastructure;

/// <summary>A browser that all tests share. Each test user has a separate context.</summary>
internal static class Chromium
{
    private static readonly SemaphoreSlim s_lock = new(1, 1);
    private static IPlaywright? s_playwright;
    private static IBrowser? s_browser;
    private static int s_users;

    public static async Task<IBrowser> RentAsync()
    {
        await s_lock.WaitAsync();
        try
        {
            s_users++;
            if (s_browser is not null) return s_browser;
            s_playwright = await Playwright.CreateAsync();
            Assertions.SetDefaultExpectTimeout((float)Until.DefaultTimeout.TotalMilliseconds);
            s_browser = await s_playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
            {
                ExecutablePath = Find(),
                Args =
                    ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
            });
            return s_browser;
        }
        finally
        {
            s_lock.Release();
        }
    }

    public static async Task ReturnAsync()
    {
        await s_lock.WaitAsync();
        try
        {
            if (--s_users > 0) return;
            await s_browser!.CloseAsync();
            s_playwright!.Dispose();
            (s_browser, s_playwright) = (null, null);
        }
        finally
        {
            s_lock.Release();
        }
    }

    private static string Find()
    {
        string?[] places = [
            Environment.GetEnvironmentVariable("CHROMIUM_PATH"), "/usr/bin/chromium", "/usr/bin/chromium-browser",
            "/usr/bin/google-chrome"];
        return places.FirstOrDefault(File.Exists)
            ?? throw new InvalidOperationException(
                "Chromium is not installed; install it (apt install chromium), or name its program in CHROMIUM_PATH.");
    }
}
