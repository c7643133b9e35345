using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace OtpPortal.Limits.Captcha;

/// <summary>What a captcha service says of an answer.</summary>
public enum CaptchaVerdict
{
    Right,

    /// <summary>Wrong, used before, or too old.</summary>
    Wrong,

    /// <summary>The service cannot be asked, or does not take our secret: nothing is known of the answer.</summary>
    Away,
}

/// <summary>Has a captcha's answer verified (<c>POST …/siteverify</c>).</summary>
public sealed partial class CaptchaVerifier(HttpClient http, CaptchaSettings settings, TimeProvider time, ILogger<CaptchaVerifier> logger)
{
    // Real answers have up to some thousand characters; longer ones are not sent on.
    private const int MaxLength = 8192;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    // Neither is caused by what a visitor sends: they say nothing of the answer. Whatever else is reported counts against it, so that
    // nobody passes an open portal by an answer that the service stumbles over.
    private static readonly string[] s_ourFault = ["missing-input-secret", "invalid-input-secret"];
    private static readonly string[] s_theirFault = ["internal-error"];

    public async Task<CaptchaVerdict> VerifyAsync(string response, string ip)
    {
        if (response.Length > MaxLength) return CaptchaVerdict.Wrong;
        var service = settings.Service!;
        using var request = new HttpRequestMessage(HttpMethod.Post, service.ApiUrl)
        {
            // The site key, so that an answer from another site of the same account does not count; who does not know the field ignores it.
            Content = new FormUrlEncodedContent(
            [
                new("secret", service.SecretKey), new("response", response), new("remoteip", ip), new("sitekey", service.SiteKey),
            ]),
        };
        request.Headers.Accept.ParseAdd("application/json");
        using var patience = new CancellationTokenSource(s_patience, time);
        try
        {
            using var answer = await http.SendAsync(request, patience.Token);
            return await JudgeAsync(answer, patience.Token);
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

    private async Task<CaptchaVerdict> JudgeAsync(HttpResponseMessage answer, CancellationToken stop)
    {
        // Some verdicts come with 400, so the status alone decides nothing below 500.
        var reply = answer.StatusCode is HttpStatusCode.OK or HttpStatusCode.BadRequest ? await ReadAsync(answer, stop) : null;
        if (reply?.Success is null)
        {
            Unreachable(logger, $"unexpected status {(int)answer.StatusCode}");
            return CaptchaVerdict.Away;
        }
        if (reply.Success.Value) return answer.StatusCode == HttpStatusCode.OK ? CaptchaVerdict.Right : CaptchaVerdict.Wrong;
        var errors = reply.ErrorCodes ?? [];
        if (errors.Intersect(s_ourFault, StringComparer.Ordinal).FirstOrDefault() is { } ours)
        {
            Misconfigured(logger, ours);
            return CaptchaVerdict.Away;
        }
        if (!errors.Intersect(s_theirFault, StringComparer.Ordinal).Any()) return CaptchaVerdict.Wrong;
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
