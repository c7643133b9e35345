namespace OtpPortal.E2E.Infrastructure;

/// <summary>The keyboard of a page with frames that a key can close.</summary>
internal static class Keys
{
    // The browser says nothing of a key when the frame that it went to is gone by then, and Playwright waits for its word without end.
    // What the key was to bring about is looked for afterwards in any case.
    private static readonly TimeSpan s_wait = TimeSpan.FromSeconds(5);

    public static Task PressKeyAsync(this IPage page, string key) => WaitAsync(page.Keyboard.PressAsync(key));

    public static Task TypeKeysAsync(this IPage page, string text) => WaitAsync(page.Keyboard.TypeAsync(text));

    private static async Task WaitAsync(Task pressed)
    {
        if (await Task.WhenAny(pressed, Task.Delay(s_wait)) == pressed) await pressed;
    }
}
