namespace OtpPortal.E2E.Infrastructure;

/// <summary>Keyboard input for pages with frames that a key can close.</summary>
internal static class Keys
{
    // Playwright waits forever when a key press closes the frame that received it. Callers check the effect
    // of the key themselves.
    private static readonly TimeSpan s_wait = TimeSpan.FromSeconds(5);

    public static Task PressKeyAsync(this IPage page, string key) => WaitAsync(page.Keyboard.PressAsync(key));

    public static Task TypeKeysAsync(this IPage page, string text) => WaitAsync(page.Keyboard.TypeAsync(text));

    private static async Task WaitAsync(Task pressed)
    {
        if (await Task.WhenAny(pressed, Task.Delay(s_wait)) == pressed) await pressed;
    }
}
