using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace OtpPortal.Client;

/// <summary>Codes, magic links and JWTs for service accounts, in magiclinksdev's wire format (<c>/api/v2</c>).</summary>
public sealed class V2Client
{
    private readonly PortalHttp _http;
    private readonly string? _key;

    internal V2Client(PortalHttp http, string? key) => (_http, _key) = (http, key);

    /// <summary>Whether the service takes requests. Needs no key.</summary>
    /// <param name="stop">Gives up.</param>
    /// <exception cref="OtpPortalException">There is no answer at all.</exception>
    public async Task<bool> IsReadyAsync(CancellationToken stop = default) =>
        (await _http.SendAsync(HttpMethod.Get, "/api/v2/ready", null, stop)).Status == HttpStatusCode.OK;

    /// <summary>Makes a code, for the caller to send.</summary>
    /// <param name="otp">Its terms.</param>
    /// <param name="stop">Gives up.</param>
    public Task<V2Creation<CreatedOtp>> CreateOtpAsync(OtpParameters otp, CancellationToken stop = default) =>
        CreateAsync(
            "otp/create", new V2Json.OtpRequestBody { OtpCreateParams = otp }, V2Json.Default.OtpRequestBody, V2Json.Default.OtpAnswer,
            answer => answer.OtpCreateResults, stop);

    /// <summary>Makes a code and mails it.</summary>
    /// <param name="otp">Its terms.</param>
    /// <param name="email">The mail.</param>
    /// <param name="stop">Gives up; it may have been mailed all the same.</param>
    public Task<V2Creation<CreatedOtp>> CreateOtpEmailAsync(
        OtpParameters otp, OtpEmailParameters email, CancellationToken stop = default) =>
        CreateAsync(
            "otp-email/create", new V2Json.OtpRequestBody { OtpCreateParams = otp, OtpEmailCreateParams = email },
            V2Json.Default.OtpRequestBody,
            V2Json.Default.OtpEmailAnswer, answer => answer.OtpEmailCreateResults.OtpCreateResults, stop);

    /// <summary>Tries a code.</summary>
    /// <param name="id">The <see cref="CreatedOtp.Id"/>.</param>
    /// <param name="otp">What the user typed.</param>
    /// <param name="stop">Gives up; the try may count all the same.</param>
    public async Task<OtpValidation> ValidateOtpAsync(string id, string otp, CancellationToken stop = default)
    {
        var answer = await PostAsync(
            "otp/validate", new V2Json.ValidateOtpBody { OtpValidateParams = new V2Json.IdAndOtp { Id = id, Otp = otp } },
            V2Json.Default.ValidateOtpBody, stop);
        return answer.Status switch
        {
            HttpStatusCode.OK => new OtpValidation.Valid(),
            HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity => new OtpValidation.Invalid(Message(answer)),
            HttpStatusCode.TooManyRequests => new OtpValidation.Limited(answer.RetryAfter ?? TimeSpan.Zero, Message(answer)),
            _ => throw answer.Unexpected(),
        };
    }

    /// <summary>Makes a magic link, for the caller to send.</summary>
    /// <param name="link">Its terms.</param>
    /// <param name="stop">Gives up.</param>
    public Task<V2Creation<CreatedMagicLink>> CreateMagicLinkAsync(MagicLinkParameters link, CancellationToken stop = default) =>
        CreateAsync(
            "magic-link/create", new V2Json.MagicLinkRequestBody { MagicLinkCreateParams = link }, V2Json.Default.MagicLinkRequestBody,
            V2Json.Default.MagicLinkAnswer, answer => answer.MagicLinkCreateResults, stop);

    /// <summary>Makes a magic link and mails it.</summary>
    /// <param name="link">Its terms.</param>
    /// <param name="email">The mail.</param>
    /// <param name="stop">Gives up; it may have been mailed all the same.</param>
    public Task<V2Creation<CreatedMagicLink>> CreateMagicLinkEmailAsync(
        MagicLinkParameters link, MagicLinkEmailParameters email, CancellationToken stop = default) =>
        CreateAsync(
            "magic-link-email/create", new V2Json.MagicLinkRequestBody { MagicLinkCreateParams = link, MagicLinkEmailCreateParams = email },
            V2Json.Default.MagicLinkRequestBody, V2Json.Default.MagicLinkEmailAnswer,
            answer => answer.MagicLinkEmailCreateResults.MagicLinkCreateResults, stop);

    /// <summary>
    /// Makes a magic link and a code, and mails both in one: who cannot open the link types the code. An addition to magiclinksdev.
    /// </summary>
    /// <param name="link">The link's terms.</param>
    /// <param name="otp">The code's terms.</param>
    /// <param name="email">The mail.</param>
    /// <param name="stop">Gives up; it may have been mailed all the same.</param>
    public Task<V2Creation<CreatedMagicLinkAndOtp>> CreateMagicLinkEmailAsync(
        MagicLinkParameters link, OtpParameters otp, MagicLinkEmailParameters email, CancellationToken stop = default) =>
        CreateAsync(
            "magic-link-email/create",
            new V2Json.MagicLinkRequestBody { MagicLinkCreateParams = link, OtpCreateParams = otp, MagicLinkEmailCreateParams = email },
            V2Json.Default.MagicLinkRequestBody, V2Json.Default.MagicLinkAndOtpEmailAnswer,
            answer => new CreatedMagicLinkAndOtp(
                answer.MagicLinkEmailCreateResults.MagicLinkCreateResults, answer.MagicLinkEmailCreateResults.OtpCreateResults), stop);

    /// <summary>Signs a JWT.</summary>
    /// <param name="jwt">What is in it.</param>
    /// <param name="stop">Gives up.</param>
    public Task<V2Creation<CreatedJwt>> CreateJwtAsync(JwtParameters jwt, CancellationToken stop = default) =>
        CreateAsync(
            "jwt/create", new V2Json.JwtRequestBody { JwtCreateParams = jwt }, V2Json.Default.JwtRequestBody, V2Json.Default.JwtAnswer,
            answer => answer.JwtCreateResults, stop);

    /// <summary>Lets the portal verify a JWT of this service account.</summary>
    /// <param name="jwt">The JWT.</param>
    /// <param name="stop">Gives up.</param>
    public async Task<JwtValidation> ValidateJwtAsync(string jwt, CancellationToken stop = default)
    {
        var answer = await PostAsync(
            "jwt/validate", new V2Json.ValidateJwtBody { JwtValidateParams = new V2Json.JwtOnly { Jwt = jwt } },
            V2Json.Default.ValidateJwtBody, stop);
        return answer.Status switch
        {
            HttpStatusCode.OK => new JwtValidation.Valid(answer.Read(V2Json.Default.ValidateJwtAnswer).JwtValidateResults.Claims),
            HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity => new JwtValidation.Invalid(Message(answer)),
            HttpStatusCode.TooManyRequests => new JwtValidation.Limited(answer.RetryAfter ?? TimeSpan.Zero, Message(answer)),
            _ => throw answer.Unexpected(),
        };
    }

    /// <summary>Makes a service account. Needs the key of an admin account.</summary>
    /// <param name="stop">Gives up.</param>
    public Task<V2Creation<ServiceAccount>> CreateServiceAccountAsync(CancellationToken stop = default) =>
        CreateServiceAccountAsync([], stop);

    /// <summary>Creates a service account with an allow-list for its magic links, an addition to magiclinksdev.</summary>
    /// <param name="redirectHosts">Such as <c>app.example.com</c>, <c>app.example.com:8443</c> or <c>*.example.com</c>, 50 at most; none:
    /// anywhere.</param>
    /// <param name="stop">Gives up.</param>
    public Task<V2Creation<ServiceAccount>> CreateServiceAccountAsync(
        IReadOnlyList<string> redirectHosts, CancellationToken stop = default) =>
        CreateAsync(
            "admin/service-account/create",
            new V2Json.AccountRequestBody
            {
                ServiceAccountCreateParams = new V2Json.AccountTerms { RedirectHosts = redirectHosts is [] ? null : redirectHosts },
            }, V2Json.Default.AccountRequestBody, V2Json.Default.AccountAnswer,
            answer => answer.ServiceAccountCreateResults.ServiceAccount, stop);

    private async Task<V2Creation<T>> CreateAsync<TBody, TAnswer, T>(
        string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<TAnswer> answerType, Func<TAnswer, T> pick,
        CancellationToken stop)
        where TAnswer : class
    {
        var answer = await PostAsync(path, body, bodyType, stop);
        return answer.Status switch
        {
            HttpStatusCode.Created => new V2Creation<T>.Created(pick(answer.Read(answerType))),
            HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity => new V2Creation<T>.Refused(Message(answer)),
            HttpStatusCode.TooManyRequests => new V2Creation<T>.Limited(answer.RetryAfter ?? TimeSpan.Zero, Message(answer)),
            _ => throw answer.Unexpected(),
        };
    }

    private Task<PortalAnswer> PostAsync<T>(string path, T body, JsonTypeInfo<T> type, CancellationToken stop)
    {
        var key = _key ?? throw new InvalidOperationException(
            $"{nameof(OtpPortalOptions)}.{nameof(OtpPortalOptions.ApiKey)} is required for this call.");
        return _http.SendAsync(HttpMethod.Post, "/api/v2/" + path, request =>
        {
            request.Headers.TryAddWithoutValidation("X-API-KEY", key);
            request.Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, type))
            {
                Headers = { ContentType = new MediaTypeHeaderValue("application/json") },
            };
        }, stop);
    }

    private static string Message(PortalAnswer answer) => answer.TryRead(V2Json.Default.Error)?.Message ?? "";
}

/// <summary>What became of a wish for something new.</summary>
/// <typeparam name="T">What was wished for.</typeparam>
public abstract record V2Creation<T>
{
    private V2Creation() { }

    /// <summary>It is there.</summary>
    /// <param name="Value">What was wished for.</param>
    public sealed record Created(T Value) : V2Creation<T>;

    /// <summary>A parameter is not allowed.</summary>
    /// <param name="Reason">Which one, and why, for the log.</param>
    public sealed record Refused(string Reason) : V2Creation<T>;

    /// <summary>The service account, or this machine, has asked too often.</summary>
    /// <param name="RetryAfter">Until it may be tried again, in whole seconds; zero when the portal did not say.</param>
    /// <param name="Reason">What the portal says, for the log.</param>
    public sealed record Limited(TimeSpan RetryAfter, string Reason) : V2Creation<T>;
}

/// <summary>A link and a code that went out in one mail.</summary>
/// <param name="Link">The link.</param>
/// <param name="Otp">The code.</param>
public sealed record CreatedMagicLinkAndOtp(CreatedMagicLink Link, CreatedOtp Otp)
{
    /// <summary>Without what signs in.</summary>
    public override string ToString() => nameof(CreatedMagicLinkAndOtp);
}

/// <summary>Whether a code is right.</summary>
public abstract record OtpValidation
{
    private OtpValidation() { }

    /// <summary>It is, and is used up now.</summary>
    public sealed record Valid : OtpValidation;

    /// <summary>It is wrong, over, used up, or has had too many tries.</summary>
    /// <param name="Reason">What the portal says, for the log.</param>
    public sealed record Invalid(string Reason) : OtpValidation;

    /// <summary>Too many tries, here or by this service account.</summary>
    /// <param name="RetryAfter">Until it may be tried again, in whole seconds; zero when the portal did not say.</param>
    /// <param name="Reason">What the portal says, for the log.</param>
    public sealed record Limited(TimeSpan RetryAfter, string Reason) : OtpValidation;
}

/// <summary>Whether a JWT is good.</summary>
public abstract record JwtValidation
{
    private JwtValidation() { }

    /// <summary>It is.</summary>
    /// <param name="Claims">All its claims, a JSON object.</param>
    public sealed record Valid(JsonElement Claims) : JwtValidation;

    /// <summary>Its signature is wrong, it is over, or it is somebody else's.</summary>
    /// <param name="Reason">What the portal says, for the log.</param>
    public sealed record Invalid(string Reason) : JwtValidation;

    /// <summary>The service account has asked too often.</summary>
    /// <param name="RetryAfter">Until it may be tried again, in whole seconds; zero when the portal did not say.</param>
    /// <param name="Reason">What the portal says, for the log.</param>
    public sealed record Limited(TimeSpan RetryAfter, string Reason) : JwtValidation;
}

/// <summary>Terms of a code. What is null is the portal's default.</summary>
public sealed record OtpParameters
{
    /// <summary>Lower-case letters may be in it.</summary>
    public bool? CharSetAlphaLower { get; init; }

    /// <summary>Upper-case letters may be in it.</summary>
    public bool? CharSetAlphaUpper { get; init; }

    /// <summary>Digits may be in it.</summary>
    public bool? CharSetNumeric { get; init; }

    /// <summary>Its characters, 1 to 12; 6 by default.</summary>
    public int? Length { get; init; }

    /// <summary>How long it is good, in seconds, at least 5; an hour by default.</summary>
    public long? LifespanSeconds { get; init; }
}

/// <summary>The mail with a code.</summary>
public record OtpEmailParameters
{
    /// <summary>One address, such as <c>ann@example.com</c> or <c>Ann &lt;ann@example.com&gt;</c>.</summary>
    public required string ToEmail { get; init; }

    /// <summary>The recipient's name.</summary>
    public string? ToName { get; init; }

    /// <summary>The name of your service.</summary>
    public required string ServiceName { get; init; }

    /// <summary>One line of at least 5 bytes of UTF-8 and at most 100 characters.</summary>
    public required string Subject { get; init; }

    /// <summary>The larger text, of at least 5 bytes of UTF-8 and at most 256 characters.</summary>
    public required string Title { get; init; }

    /// <summary>The smaller text above the title.</summary>
    public string? Greeting { get; init; }

    /// <summary>The smaller text below the title.</summary>
    public string? SubTitle { get; init; }

    /// <summary>The address of a logo.</summary>
    [JsonPropertyName("logoImageURL")]
    public Uri? LogoImageUrl { get; init; }

    /// <summary>Where a click on the logo leads.</summary>
    [JsonPropertyName("logoClickURL")]
    public Uri? LogoClickUrl { get; init; }
}

/// <summary>The mail with a magic link.</summary>
public sealed record MagicLinkEmailParameters : OtpEmailParameters
{
    /// <summary>The text of the button; <c>Magic link</c> by default.</summary>
    public string? ButtonText { get; init; }
}

/// <summary>Terms of a magic link. What is null is the portal's default.</summary>
public sealed record MagicLinkParameters
{
    /// <summary>Where the link leads, with a JWT in the query.</summary>
    [JsonPropertyName("redirectURL")]
    public required Uri RedirectUrl { get; init; }

    /// <summary>The JWT's name in that query; <c>jwt</c> by default.</summary>
    public string? RedirectQueryKey { get; init; }

    /// <summary>How long the link is good, in seconds, at least 5; an hour by default.</summary>
    public long? LifespanSeconds { get; init; }

    /// <summary>What is in the JWT.</summary>
    public JwtParameters? JwtCreateParams { get; init; }
}

/// <summary>What is in a JWT. What is null is the portal's default.</summary>
public sealed record JwtParameters
{
    /// <summary><c>EdDSA</c> by default, or <c>RS256</c>.</summary>
    public string? Alg { get; init; }

    /// <summary>Claims of your own; not those that RFC 7519, section 4.1, defines.</summary>
    public JsonObject? Claims { get; init; }

    /// <summary>How long it is good from its making, in seconds, at least 5; five minutes by default.</summary>
    public long? LifespanSeconds { get; init; }
}

/// <summary>A code.</summary>
/// <param name="Id">Names it for <see cref="V2Client.ValidateOtpAsync"/>.</param>
/// <param name="Otp">The code itself.</param>
public sealed record CreatedOtp([property: JsonRequired] string Id, [property: JsonRequired] string Otp)
{
    /// <summary>Without the code.</summary>
    public override string ToString() => $"CreatedOtp {{ Id = {Id} }}";
}

/// <summary>A magic link.</summary>
/// <param name="MagicLink">Its address. Whoever opens it gets the JWT.</param>
/// <param name="Secret">The secret in it.</param>
public sealed record CreatedMagicLink([property: JsonRequired] Uri MagicLink, [property: JsonRequired] string Secret)
{
    /// <summary>Without the link.</summary>
    public override string ToString() => nameof(CreatedMagicLink);
}

/// <summary>A JWT.</summary>
/// <param name="Jwt">For <c>Authorization: Bearer</c>.</param>
public sealed record CreatedJwt([property: JsonRequired] string Jwt)
{
    /// <summary>Without the JWT.</summary>
    public override string ToString() => nameof(CreatedJwt);
}

/// <summary>A service account.</summary>
/// <param name="Uuid">Its id.</param>
/// <param name="ApiKey">What opens the API for it.</param>
/// <param name="Aud">The audience of its JWTs.</param>
/// <param name="Admin">Whether it may make others.</param>
public sealed record ServiceAccount(
    [property: JsonRequired] Guid Uuid, [property: JsonRequired] string ApiKey, [property: JsonRequired] string Aud, bool Admin)
{
    /// <summary>Without the key.</summary>
    public override string ToString() => $"ServiceAccount {{ Uuid = {Uuid}, Aud = {Aud}, Admin = {Admin} }}";
}
