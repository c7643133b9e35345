using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace OtpPortal.MagicLinks;

/// <summary>Describes the bodies of requests. <see cref="Requests"/> reads their fields one by one; a test compares the two.</summary>
internal static class V2Bodies
{
    private const string Recipient =
        "One address of at most 254 characters, such as ann@example.com or Ann <ann@example.com>. The name is ignored, see toName.";

    internal sealed record AccountRequest([property: JsonPropertyName("serviceAccountCreateParams")] AccountParams? Params);

    internal sealed record AccountParams(
        [property: JsonPropertyName("name"), MaxLength(ServiceAccounts.MaxNameLength)]
        [property: Description("The display name of the account.")]
        string? Name,
        [property: JsonPropertyName("redirectHosts"), MaxLength(ServiceAccounts.MaxHosts)]
        [property: Description(
            "Hosts that its links may lead to: app.example.com, app.example.com:8443 or *.example.com; https only, except for "
            + "localhost. Default: anywhere.")]
        IReadOnlyList<string>? RedirectHosts);

    internal sealed record JwtRequest([property: JsonPropertyName("jwtCreateParams")] JwtParams Params);

    internal sealed record JwtParams(
        [property: JsonPropertyName("alg"), AllowedValues("EdDSA", "RS256", "ES256")]
        [property: Description("Default: EdDSA, or ES256 on a machine without EdDSA. The other one is rejected.")]
        string? Algorithm,
        [property: JsonPropertyName("claims")]
        [property: Description("Custom claims of at most 4096 bytes, as an object or as a JSON string, plain or in base64. The registered "
            + "claims (RFC 7519, 4.1) are rejected, ignoring case.")]
        JsonObject? Claims,
        [property: JsonPropertyName("lifespanSeconds"), Range(Requests.MinLifespan, Requests.MaxLifespan), DefaultValue(300L)]
        [property: Description(
            "Lifetime in seconds from creation; for a magic link, from its use. The JWT expires with its key at the latest.")]
        long? Lifespan);

    internal sealed record JwtValidateRequest([property: JsonPropertyName("jwtValidateParams")] JwtValidateParams Params);

    internal sealed record JwtValidateParams(
        [property: JsonPropertyName("jwt"), MinLength(1)]
        [property: Description("The JWT, at most 16384 characters.")]
        string Jwt);

    internal sealed record LinkRequest([property: JsonPropertyName("magicLinkCreateParams")] LinkParams Params);

    internal sealed record LinkParams(
        [property: JsonPropertyName("redirectURL"), Url, Length(1, WebAddress.MaxLength)]
        [property: Description(
            "The http:// or https:// URL that the link leads to, within the account's redirectHosts if it has any. The limit "
            + "applies to its ASCII form.")]
        string RedirectUrl,
        [property: JsonPropertyName("redirectQueryKey"), DefaultValue("jwt")]
        [property: Description("The query parameter of redirectURL that receives the JWT.")]
        string? QueryKey,
        [property: JsonPropertyName("lifespanSeconds"), Range(Requests.MinLifespan, Requests.MaxLifespan), DefaultValue(3600L)]
        [property: Description("Lifetime of the link in seconds.")]
        long? Lifespan,
        [property: JsonPropertyName("jwtCreateParams")] JwtParams? Jwt);

    internal sealed record LinkMailRequest(
        [property: JsonPropertyName("magicLinkCreateParams")] LinkParams Link,
        [property: JsonPropertyName("magicLinkEmailCreateParams")] LinkMailParams Mail,
        [property: JsonPropertyName("otpCreateParams")] CodeParams? Code);

    internal record MailParams(
        [property: JsonPropertyName("toEmail"), EmailAddress, MinLength(1), Description(Recipient)] string To,
        [property: JsonPropertyName("toName"), Description("The display name of the recipient, one line.")] string? ToName,
        [property: JsonPropertyName("serviceName"), Length(1, 256)]
        [property: Description("The name of your service, shown instead of the portal's.")]
        string ServiceName,
        [property: JsonPropertyName("subject"), Length(5, 100), Description("The subject; one line.")] string Subject,
        [property: JsonPropertyName("title"), Length(5, 256), Description("The heading of the email.")] string Title,
        [property: JsonPropertyName("greeting"), Description("Above the heading. Can have several lines.")] string? Greeting,
        [property: JsonPropertyName("subTitle"), Description("A paragraph below the heading. Can have several lines.")] string? SubTitle,
        [property: JsonPropertyName("logoImageURL"), Url, MaxLength(WebAddress.MaxLength)]
        [property: Description("The URL of the logo: http:// or https://, without user name.")]
        string? LogoImageUrl,
        [property: JsonPropertyName("logoClickURL"), Url, MaxLength(WebAddress.MaxLength)]
        [property: Description("The URL that the logo links to.")]
        string? LogoClickUrl);

    internal sealed record LinkMailParams(
        string To, string? ToName, string ServiceName, string Subject, string Title, string? Greeting, string? SubTitle,
        string? LogoImageUrl, string? LogoClickUrl,
        [property: JsonPropertyName("buttonText"), DefaultValue("Magic link"), Description("The label of the button.")] string? ButtonText)
        : MailParams(To, ToName, ServiceName, Subject, Title, Greeting, SubTitle, LogoImageUrl, LogoClickUrl);

    internal sealed record CodeRequest([property: JsonPropertyName("otpCreateParams")] CodeParams Params);

    internal sealed record CodeParams(
        [property: JsonPropertyName("charSetAlphaLower"), Description("Use letters from a to z.")] bool? Lower,
        [property: JsonPropertyName("charSetAlphaUpper"), Description("Use letters from A to Z.")] bool? Upper,
        [property: JsonPropertyName("charSetNumeric"), Description("Use digits. True if none of the three is set.")] bool? Digits,
        [property: JsonPropertyName("length"), Range(1, 12), DefaultValue(6)]
        [property: Description("Number of characters. Short codes have fewer attempts: one per 200 possible codes, at least one, at "
            + "most OTP_MAX_ATTEMPTS.")]
        int? Length,
        [property: JsonPropertyName("lifespanSeconds"), Range(Requests.MinLifespan, Requests.MaxLifespan), DefaultValue(3600L)]
        [property: Description("Lifetime of the code in seconds, reduced to 3600 if larger.")]
        long? Lifespan);

    internal sealed record CodeMailRequest(
        [property: JsonPropertyName("otpCreateParams")] CodeParams Code,
        [property: JsonPropertyName("otpEmailCreateParams")] MailParams Mail);

    internal sealed record ValidateRequest([property: JsonPropertyName("otpValidateParams")] ValidateParams Params);

    internal sealed record ValidateParams(
        [property: JsonPropertyName("id"), Length(1, 100), Description("The id of the code.")] string Id,
        [property: JsonPropertyName("otp"), Length(1, 100)]
        [property: Description("The code that the user entered. Surrounding spaces are ignored.")]
        string Otp);
}
