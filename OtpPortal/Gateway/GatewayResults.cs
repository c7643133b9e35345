using System.Text.Json.Serialization.Metadata;
using OtpPortal.Http;

namespace OtpPortal.Gateway;

/// <summary>The answers of the gateway in otpgateway's envelope: <c>{"status":…,"data":…}</c>, errors with a <c>message</c>.</summary>
internal sealed class GatewayResults(PortalSettings portal, TimeProvider time)
{
    private const string ContentType = "application/json; charset=utf-8";

    public static IResult Success<T>(T data, JsonTypeInfo<GatewayJson.Success<T>> type) =>
        TypedResults.Json(new GatewayJson.Success<T>(data), type, ContentType);

    public static IResult BadRequest(string message) => Failure(StatusCodes.Status400BadRequest, message);

    public static IResult Failure(int status, string message) =>
        TypedResults.Json(new GatewayJson.Error(message), GatewayJson.Json.Error, ContentType, status);

    /// <summary>Creates what writes the errors that arise before an endpoint below <paramref name="root"/> runs.</summary>
    public static ApiErrorWriter ErrorWriter(string root) => new(root, WriteAsync, typeof(GatewayJson.Error));

    private static Task WriteAsync(HttpContext context, int status, string message) => Failure(status, status switch
    {
        StatusCodes.Status413PayloadTooLarge => $"The request must be at most {GatewayEndpoints.MaxBody / 1024} KB.",
        StatusCodes.Status503ServiceUnavailable => "Unable to reach store.",
        _ => message,
    }).ExecuteAsync(context);

    public IResult Success(Verification verification) =>
        Success(GatewayJson.Describe(verification, portal, time), GatewayJson.Json.SuccessOtpData);

    /// <summary>Answers with the code and, as otpgateway does, the lifetime that was asked for, however long the provider took.</summary>
    public IResult Created(Verification created, string? code, TimeSpan lifetime) =>
        Success(
            GatewayJson.Describe(created, portal, time, code) with { Ttl = (long)lifetime.TotalSeconds }, GatewayJson.Json.SuccessOtpData);

    public IResult Failure(int status, string message, Verification verification) =>
        TypedResults.Json(
            new GatewayJson.Failure<GatewayJson.OtpData>(message, GatewayJson.Describe(verification, portal, time)),
            GatewayJson.Json.FailureOtpData, ContentType, status);

    public IResult PutLocked(HttpContext context, Verification locked) => TypedResults.Json(
        new GatewayJson.Failure<GatewayJson.LockData>(
            $"OTP attempts exceeded. Retry after {RetryAfter(context, locked)} seconds.", GatewayJson.DescribeLock(locked, time)),
        GatewayJson.Json.FailureLockData, ContentType, StatusCodes.Status429TooManyRequests);

    public IResult CheckLocked(HttpContext context, Verification locked) =>
        Failure(
            StatusCodes.Status429TooManyRequests, $"Too many attempts. Please retry after {RetryAfter(context, locked)} seconds.", locked);

    // A verification is locked until it expires.
    private long RetryAfter(HttpContext context, Verification locked)
    {
        var left = GatewayJson.SecondsLeft(locked, time);
        context.Response.Headers.RetryAfter = Problem.Seconds(TimeSpan.FromSeconds(left));
        return left;
    }
}
