using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace OtpPortal.Limits.Captcha;

/// <summary>A captcha service's verdict on a response.</summary>
public enum CaptchaVerdict
{
    Right,

    /// <summary>The response is wrong, already used, or expired.</summary>
    Wrong,

    /// <summary>The service is unavailable or rejects the portal's secret; the response is unverified.</summary>
    Away,
}

/// <summary>Verifies captcha responses with the service (<c>POST …/siteverify</c>).</summary>
public sealed partial class CaptchaVerifier(HttpClient http, CaptchaSettings settings, TimeProvider time, ILogger<CaptchaVerifier> logger)
{
    // Genuine responses have up to a few thousand characters; longer ones are rejected without a request.
    private const int MaxLength = 8192;

    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(5);

    // Errors that clients cannot cause, so they say nothing about the response. All other errors reject it: with
    // CAPTCHA_FAIL=open, a response that makes the service fail must not pass.
    private static readonly string[] s_configurationErrors = ["missing-input-secret", "invalid-input-secret"];
    private static readonly string[] s_serviceErrors = ["internal-error"];

    public async Task<CaptchaVerdict> VerifyAsync(string response, string ip)
    {
        if (response.Length > MaxLength) return CaptchaVerdict.Wrong;
        var service = settings.Service!;
        using var request = new HttpRequestMessage(HttpMethod.Post, service.ApiUrl)
        {
            // The site key rejects responses from another site of the same account; services without this field ignore it.
            Content = new FormUrlEncodedContent(
            [
                new("secret", service.SecretKey), new("response", response), new("remoteip", ip), new("sitekey", service.SiteKey),
            ]),
        };
        request.Headers.Accept.ParseAdd("application/json");
        using var patience = new CancellationTokenSource(s_timeout, time);
        try
        {
            using var answer = await http.SendAsync(request, patience.Token);
            return await CheckAsync(answer, patience.Token);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            Unreachable(logger, "no response within 5 s");
            return CaptchaVerdict.Away;
        }
        catch (HttpRequestException e)
        {
            Unreachable(logger, e.HttpRequestError.ToString());
            return CaptchaVerdict.Away;
        }
    }

    private async Task<CaptchaVerdict> CheckAsync(HttpResponseMessage answer, CancellationToken stop)
    {
        // Some verdicts have status 400, so below 500 the status is not conclusive.
        var reply = answer.StatusCode is HttpStatusCode.OK or HttpStatusCode.BadRequest ? await ReadAsync(answer, stop) : null;
        if (reply?.Success is null)
        {
            Unreachable(logger, $"unexpected status {(int)answer.StatusCode}");
            return CaptchaVerdict.Away;
        }
        if (reply.Success.Value) return answer.StatusCode == HttpStatusCode.OK ? CaptchaVerdict.Right : CaptchaVerdict.Wrong;
        var errors = reply.ErrorCodes ?? [];
        if (errors.Intersect(s_configurationErrors, StringComparer.Ordinal).FirstOrDefault() is { } ours)
        {
            Misconfigured(logger, ours);
            return CaptchaVerdict.Away;
        }
        if (!errors.Intersect(s_serviceErrors, StringComparer.Ordinal).Any()) return CaptchaVerdict.Wrong;
        Unreachable(logger, "server error");
        return CaptchaVerdict.Away;
    }

    private static async Task<Reply?> ReadAsync(HttpResponseMessage answer, CancellationToken stop)
    {
        try
        {
            return await answer.Content.ReadFromJsonAsync<Reply>(stop);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or InvalidOperationException)
        {
            return null;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Could not verify a captcha: {Reason}")]
    private static partial void Unreachable(ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "The captcha service rejected CAPTCHA_SECRET_KEY ({Error})")]
    private static partial void Misconfigured(ILogger logger, string error);

    private sealed record Reply(
        [property: JsonPropertyName("success")] bool? Success,
        [property: JsonPropertyName("error-codes")] IReadOnlyList<string>? ErrorCodes);
}
