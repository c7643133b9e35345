using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>An independent implementation of Signature Version 4 that verifies requests. Does not normalize URLs.</summary>
internal static class AwsSignature
{
    private const string Algorithm = "AWS4-HMAC-SHA256";

    /// <summary>Returns the value of <c>Authorization</c>.</summary>
    /// <param name="headers">The headers to sign, with lower-case names; <c>host</c> and <c>x-amz-date</c> must be among them.</param>
    public static string Authorize(
        string method, string path, string query, IReadOnlyDictionary<string, string> headers, ReadOnlySpan<byte> body,
        DateTimeOffset now, string region, string service, string accessKeyId, string secretAccessKey)
    {
        var ordered = headers.OrderBy(header => header.Key, StringComparer.Ordinal).ToList();
        var names = string.Join(';', ordered.Select(header => header.Key));
        var lines = ordered.Select(header => $"{header.Key}:{header.Value.Trim()}");
        var canonical = string.Join('\n', [method, path, query, .. lines, "", names, Hash(body)]);
        var date = now.UtcDateTime.ToString("yyyyMMdd", CultureInfo.InvariantCulture);
        var scope = $"{date}/{region}/{service}/aws4_request";
        var toSign = string.Join('\n', Algorithm, Timestamp(now), scope, Hash(Encoding.UTF8.GetBytes(canonical)));
        var key = Hmac(Hmac(Hmac(Hmac(Encoding.UTF8.GetBytes("AWS4" + secretAccessKey), date), region), service), "aws4_request");
        var signature = Convert.ToHexStringLower(Hmac(key, toSign));
        return $"{Algorithm} Credential={accessKeyId}/{scope}, SignedHeaders={names}, Signature={signature}";
    }

    /// <summary>Returns the value of <c>X-Amz-Date</c>.</summary>
    public static string Timestamp(DateTimeOffset now) => now.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);

    public static DateTimeOffset ReadTimestamp(string timestamp) =>
        DateTimeOffset.ParseExact(timestamp, "yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    private static byte[] Hmac(byte[] key, string text) => HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text));

    private static string Hash(ReadOnlySpan<byte> data) => Convert.ToHexStringLower(SHA256.HashData(data));
}
