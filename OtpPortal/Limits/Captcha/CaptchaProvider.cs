using System.Collections.Frozen;

namespace OtpPortal.Limits.Captcha;

/// <summary>
/// A captcha service with its widget and its verification endpoint. All three services use the same <c>siteverify</c> API.
/// </summary>
/// <param name="Script">URL of the script that renders the widget.</param>
/// <param name="WidgetClass">CSS class by which the script finds the widget's element.</param>
/// <param name="ResponseField">Form field in which the widget puts its response.</param>
/// <param name="VerificationUrl">Receives secret, response and client address; overridden by CAPTCHA_API_URL.</param>
/// <param name="Sources">The sources that the widget needs in addition to the portal's Content-Security-Policy, by directive,
/// as the service documents them.</param>
public sealed record CaptchaProvider(
    string Script,
    string WidgetClass,
    string ResponseField,
    Uri VerificationUrl,
    IReadOnlyDictionary<string, string> Sources)
{
    public static IReadOnlyDictionary<string, CaptchaProvider> ByName { get; } =
        new Dictionary<string, CaptchaProvider>(StringComparer.Ordinal)
        {
            ["turnstile"] = new(
            "https://challenges.cloudflare.com/turnstile/v0/api.js", "cf-turnstile", "cf-turnstile-response",
            new Uri("https://challenges.cloudflare.com/turnstile/v0/siteverify"),
            From("https://challenges.cloudflare.com", "script-src", "frame-src", "connect-src")),
            ["hcaptcha"] = new(
            "https://js.hcaptcha.com/1/api.js", "h-captcha", "h-captcha-response",
            new Uri("https://api.hcaptcha.com/siteverify"),
            From("https://hcaptcha.com https://*.hcaptcha.com", "script-src", "frame-src", "connect-src", "style-src")),
            ["recaptcha"] = new(
            "https://www.google.com/recaptcha/api.js", "g-recaptcha", "g-recaptcha-response",
            new Uri("https://www.google.com/recaptcha/api/siteverify"),
            new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["script-src"] = "https://www.google.com/recaptcha/ https://www.gstatic.com/recaptcha/",
                ["frame-src"] = "https://www.google.com/recaptcha/ https://recaptcha.google.com/recaptcha/",
                ["connect-src"] = "https://www.google.com/recaptcha/",
            }),
        }.ToFrozenDictionary(StringComparer.Ordinal);

    private static Dictionary<string, string> From(string sources, params string[] directives) =>
        directives.ToDictionary(directive => directive, _ => sources, StringComparer.Ordinal);
}
