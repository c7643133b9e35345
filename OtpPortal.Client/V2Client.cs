using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace OtpPortal.Client;

/// <summary>
/// Creates and validates codes, magic links and JWTs for service accounts, in magiclinksdev's wire format (<c>/api/v2</c>).
/// </summary>
public sealed class V2Client
{
    private readonly PortalHttp _http;
    private readonly string? _key;

    internal V2Client(PortalHttp http, string? key) => (_http, _key) = (http, key);

    /// <summary>Returns whether the service accepts requests. Requires no key.</summary>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <exception cref="OtpPortalException">There is no response.</exception>
    public async Task<bool> IsReadyAsync(CancellationToken cancellationToken = default) =>
        (await _http.SendAsync(HttpMethod.Get, "/api/v2/ready", null, cancellationToken)).Status == HttpStatusCode.OK;

    /// <summary>Creates a code for the caller to send.</summary>
    /// <param name="otp">The parameters of the code.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    public Task<V2Creation<CreatedOtp>> CreateOtpAsync(OtpParameters otp, CancellationToken cancellationToken = default) =>
        CreateAsync(
            "otp/create", new V2Json.OtpRequestBody { OtpCreateParams = otp }, V2Json.Default.OtpRequestBody, V2Json.Default.OtpAnswer,
            answer => answer.OtpCreateResults, cancellationToken);

    /// <summary>Creates a code and sends it by email.</summary>
    /// <param name="otp">The parameters of the code.</param>
    /// <param name="email">The content of the email.</param>
    /// <param name="cancellationToken">Cancels the request; the email may have been sent anyway.</param>
    public Task<V2Creation<CreatedOtp>> CreateOtpEmailAsync(
        OtpParameters otp, OtpEmailParameters email, CancellationToken cancellationToken = default) =>
        CreateAsync(
            "otp-email/create", new V2Json.OtpRequestBody { OtpCreateParams = otp, OtpEmailCreateParams = email },
            V2Json.Default.OtpRequestBody,
            V2Json.Default.OtpEmailAnswer, answer => answer.OtpEmailCreateResults.OtpCreateResults, cancellationToken);

    /// <summary>Validates a code.</summary>
    /// <param name="id">The <see cref="CreatedOtp.Id"/>.</param>
    /// <param name="otp">The code that the user typed.</param>
    /// <param name="cancellationToken">Cancels the request; the attempt may count anyway.</param>
    public async Task<OtpValidation> ValidateOtpAsync(string id, string otp, CancellationToken cancellationToken = default)
    {
        var answer = await PostAsync(
            "otp/validate", new V2Json.ValidateOtpBody { OtpValidateParams = new V2Json.IdAndOtp { Id = id, Otp = otp } },
            V2Json.Default.ValidateOtpBody, cancellationToken);
        return answer.Status switch
        {
            HttpStatusCode.OK => new OtpValidation.Valid(),
            HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity => new OtpValidation.Invalid(Message(answer)),
            HttpStatusCode.TooManyRequests => new OtpValidation.Limited(answer.RetryAfter ?? TimeSpan.Zero, Message(answer)),
            _ => throw answer.Unexpected(),
        };
    }

    /// <summary>Creates a magic link for the caller to send.</summary>
    /// <param name="link">The parameters of the link.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    public Task<V2Creation<CreatedMagicLink>> CreateMagicLinkAsync(MagicLinkParameters link,
        CancellationToken cancellationToken = default) =>
        CreateAsync(
            "magic-link/create", new V2Json.MagicLinkRequestBody { MagicLinkCreateParams = link }, V2Json.Default.MagicLinkRequestBody,
            V2Json.Default.MagicLinkAnswer, answer => answer.MagicLinkCreateResults, cancellationToken);

    /// <summary>Creates a magic link and sends it by email.</summary>
    /// <param name="link">The parameters of the link.</param>
    /// <param name="email">The content of the email.</param>
    /// <param name="cancellationToken">Cancels the request; the email may have been sent anyway.</param>
    public Task<V2Creation<CreatedMagicLink>> CreateMagicLinkEmailAsync(
        MagicLinkParameters link, MagicLinkEmailParameters email, CancellationToken cancellationToken = default) =>
        CreateAsync(
            "magic-link-email/create", new V2Json.MagicLinkRequestBody { MagicLinkCreateParams = link, MagicLinkEmailCreateParams = email },
            V2Json.Default.MagicLinkRequestBody, V2Json.Default.MagicLinkEmailAnswer,
            answer => answer.MagicLinkEmailCreateResults.MagicLinkCreateResults, cancellationToken);

    /// <summary>
    /// Creates a magic link and a code, and sends both in one email, for users who cannot open the link. An extension to
    /// magiclinksdev.
    /// </summary>
    /// <param name="link">The parameters of the link.</param>
    /// <param name="otp">The parameters of the code.</param>
    /// <param name="email">The content of the email.</param>
    /// <param name="cancellationToken">Cancels the request; the email may have been sent anyway.</param>
    public Task<V2Creation<CreatedMagicLinkAndOtp>> CreateMagicLinkEmailAsync(
        MagicLinkParameters link, OtpParameters otp, MagicLinkEmailParameters email, CancellationToken cancellationToken = default) =>
        CreateAsync(
            "magic-link-email/create",
            new V2Json.MagicLinkRequestBody { MagicLinkCreateParams = link, OtpCreateParams = otp, MagicLinkEmailCreateParams = email },
            V2Json.Default.MagicLinkRequestBody, V2Json.Default.MagicLinkAndOtpEmailAnswer,
            answer => new CreatedMagicLinkAndOtp(
                answer.MagicLinkEmailCreateResults.MagicLinkCreateResults, answer.MagicLinkEmailCreateResults.OtpCreateResults),
                    cancellationToken);

    /// <summary>Creates a signed JWT.</summary>
    /// <param name="jwt">The content of the JWT.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    public Task<V2Creation<CreatedJwt>> CreateJwtAsync(JwtParameters jwt, CancellationToken cancellationToken = default) =>
        CreateAsync(
            "jwt/create", new V2Json.JwtRequestBody { JwtCreateParams = jwt }, V2Json.Default.JwtRequestBody, V2Json.Default.JwtAnswer,
            answer => answer.JwtCreateResults, cancellationToken);

    /// <summary>Validates a JWT of this service account at the portal.</summary>
    /// <param name="jwt">The JWT.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    public async Task<JwtValidation> ValidateJwtAsync(string jwt, CancellationToken cancellationToken = default)
    {
        var answer = await PostAsync(
            "jwt/validate", new V2Json.ValidateJwtBody { JwtValidateParams = new V2Json.JwtOnly { Jwt = jwt } },
            V2Json.Default.ValidateJwtBody, cancellationToken);
        return answer.Status switch
        {
            HttpStatusCode.OK => new JwtValidation.Valid(answer.Read(V2Json.Default.ValidateJwtAnswer).JwtValidateResults.Claims),
            HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity => new JwtValidation.Invalid(Message(answer)),
            HttpStatusCode.TooManyRequests => new JwtValidation.Limited(answer.RetryAfter ?? TimeSpan.Zero, Message(answer)),
            _ => throw answer.Unexpected(),
        };
    }

    /// <summary>Creates a service account. Requires the key of an admin account.</summary>
    /// <param name="cancellationToken">Cancels the request.</param>
    public Task<V2Creation<ServiceAccount>> CreateServiceAccountAsync(CancellationToken cancellationToken = default) =>
        CreateServiceAccountAsync([], cancellationToken);

    /// <summary>Creates a service account with an allow-list for its magic links, an extension to magiclinksdev.</summary>
    /// <param name="redirectHosts">At most 50 hosts such as <c>app.example.com</c>, <c>app.example.com:8443</c> or
    /// <c>*.example.com</c>; empty allows all.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    public Task<V2Creation<ServiceAccount>> CreateServiceAccountAsync(
        IReadOnlyList<string> redirectHosts, CancellationToken cancellationToken = default) =>
        CreateAsync(
            "admin/service-account/create",
            new V2Json.AccountRequestBody
            {
                ServiceAccountCreateParams = new V2Json.AccountParameters { RedirectHosts = redirectHosts is [] ? null : redirectHosts },
            }, V2Json.Default.AccountRequestBody, V2Json.Default.AccountAnswer,
            answer => answer.ServiceAccountCreateResults.ServiceAccount, cancellationToken);

    private async Task<V2Creation<T>> CreateAsync<TBody, TAnswer, T>(
        string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<TAnswer> answerType, Func<TAnswer, T> pick,
        CancellationToken cancellationToken)
        where TAnswer : class
    {
        var answer = await PostAsync(path, body, bodyType, cancellationToken);
        return answer.Status switch
        {
            HttpStatusCode.Created => new V2Creation<T>.Created(pick(answer.Read(answerType))),
            HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity => new V2Creation<T>.Refused(Message(answer)),
            HttpStatusCode.TooManyRequests => new V2Creation<T>.Limited(answer.RetryAfter ?? TimeSpan.Zero, Message(answer)),
            _ => throw answer.Unexpected(),
        };
    }

    private Task<PortalAnswer> PostAsync<T>(string path, T body, JsonTypeInfo<T> type, CancellationToken cancellationToken)
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
        }, cancellationToken);
    }

    private static string Message(PortalAnswer answer) => answer.TryRead(V2Json.Default.Error)?.Message ?? "";
}

/// <summary>The outcome of a request to create something.</summary>
/// <typeparam name="T">The type of the created object.</typeparam>
public abstract record V2Creation<T>
{
    private V2Creation() { }

    /// <summary>The object was created.</summary>
    /// <param name="Value">The created object.</param>
    public sealed record Created(T Value) : V2Creation<T>;

    /// <summary>A parameter is invalid.</summary>
    /// <param name="Reason">The parameter and the reason, for logs.</param>
    public sealed record Refused(string Reason) : V2Creation<T>;

    /// <summary>The service account or this client has exceeded a limit.</summary>
    /// <param name="RetryAfter">Time until the next attempt, in whole seconds; zero if the portal did not specify it.</param>
    /// <param name="Reason">The portal's message, for logs.</param>
    public sealed record Limited(TimeSpan RetryAfter, string Reason) : V2Creation<T>;
}

/// <summary>A link and a code that were sent in one email.</summary>
/// <param name="Link">The link.</param>
/// <param name="Otp">The code.</param>
public sealed record CreatedMagicLinkAndOtp(CreatedMagicLink Link, CreatedOtp Otp)
{
    /// <summary>Omits the link and the code, which are credentials.</summary>
    public override string ToString() => nameof(CreatedMagicLinkAndOtp);
}

/// <summary>The outcome of validating a code.</summary>
public abstract record OtpValidation
{
    private OtpValidation() { }

    /// <summary>The code was correct. It is now used up.</summary>
    public sealed record Valid : OtpValidation;

    /// <summary>The code is wrong, expired or used, or has no attempts left.</summary>
    /// <param name="Reason">The portal's message, for logs.</param>
    public sealed record Invalid(string Reason) : OtpValidation;

    /// <summary>Too many attempts from this client or by this service account.</summary>
    /// <param name="RetryAfter">Time until the next attempt, in whole seconds; zero if the portal did not specify it.</param>
    /// <param name="Reason">The portal's message, for logs.</param>
    public sealed record Limited(TimeSpan RetryAfter, string Reason) : OtpValidation;
}

/// <summary>The outcome of validating a JWT.</summary>
public abstract record JwtValidation
{
    private JwtValidation() { }

    /// <summary>The JWT is valid.</summary>
    /// <param name="Claims">All of its claims as a JSON object.</param>
    public sealed record Valid(JsonElement Claims) : JwtValidation;

    /// <summary>The signature is wrong, the JWT has expired, or it belongs to another account.</summary>
    /// <param name="Reason">The portal's message, for logs.</param>
    public sealed record Invalid(string Reason) : JwtValidation;

    /// <summary>The service account has exceeded a limit.</summary>
    /// <param name="RetryAfter">Time until the next attempt, in whole seconds; zero if the portal did not specify it.</param>
    /// <param name="Reason">The portal's message, for logs.</param>
    public sealed record Limited(TimeSpan RetryAfter, string Reason) : JwtValidation;
}

/// <summary>The parameters of a code. Null values use the portal's defaults.</summary>
public sealed record OtpParameters
{
    /// <summary>Whether the code may contain lowercase letters.</summary>
    public bool? CharSetAlphaLower { get; init; }

    /// <summary>Whether the code may contain uppercase letters.</summary>
    public bool? CharSetAlphaUpper { get; init; }

    /// <summary>Whether the code may contain digits.</summary>
    public bool? CharSetNumeric { get; init; }

    /// <summary>The length in characters, 1 to 12; 6 by default.</summary>
    public int? Length { get; init; }

    /// <summary>The lifetime in seconds, at least 5; one hour by default.</summary>
    public long? LifespanSeconds { get; init; }
}

/// <summary>The content of an email with a code.</summary>
public record OtpEmailParameters
{
    /// <summary>The recipient: one address, such as <c>ann@example.com</c> or <c>Ann &lt;ann@example.com&gt;</c>.</summary>
    public required string ToEmail { get; init; }

    /// <summary>The recipient's name.</summary>
    public string? ToName { get; init; }

    /// <summary>The name of the service.</summary>
    public required string ServiceName { get; init; }

    /// <summary>The subject: one line of at least 5 bytes of UTF-8 and at most 100 characters.</summary>
    public required string Subject { get; init; }

    /// <summary>The large text, at least 5 bytes of UTF-8 and at most 256 characters.</summary>
    public required string Title { get; init; }

    /// <summary>The small text above the title.</summary>
    public string? Greeting { get; init; }

    /// <summary>The small text below the title.</summary>
    public string? SubTitle { get; init; }

    /// <summary>The URL of a logo.</summary>
    [JsonPropertyName("logoImageURL")]
    public Uri? LogoImageUrl { get; init; }

    /// <summary>The URL that the logo links to.</summary>
    [JsonPropertyName("logoClickURL")]
    public Uri? LogoClickUrl { get; init; }
}

/// <summary>The content of an email with a magic link.</summary>
public sealed record MagicLinkEmailParameters : OtpEmailParameters
{
    /// <summary>The text of the button; <c>Magic link</c> by default.</summary>
    public string? ButtonText { get; init; }
}

/// <summary>The parameters of a magic link. Null values use the portal's defaults.</summary>
public sealed record MagicLinkParameters
{
    /// <summary>The target of the link, which receives a JWT in the query.</summary>
    [JsonPropertyName("redirectURL")]
    public required Uri RedirectUrl { get; init; }

    /// <summary>The name of the JWT's query parameter; <c>jwt</c> by default.</summary>
    public string? RedirectQueryKey { get; init; }

    /// <summary>The lifetime of the link in seconds, at least 5; one hour by default.</summary>
    public long? LifespanSeconds { get; init; }

    /// <summary>The content of the JWT.</summary>
    public JwtParameters? JwtCreateParams { get; init; }
}

/// <summary>The content of a JWT. Null values use the portal's defaults.</summary>
public sealed record JwtParameters
{
    /// <summary>The signature algorithm: <c>EdDSA</c> (default) or <c>RS256</c>.</summary>
    public string? Alg { get; init; }

    /// <summary>Custom claims; the registered claims of RFC 7519, 4.1 are not allowed.</summary>
    public JsonObject? Claims { get; init; }

    /// <summary>The lifetime in seconds, at least 5; five minutes by default.</summary>
    public long? LifespanSeconds { get; init; }
}

/// <summary>A created code.</summary>
/// <param name="Id">The id for <see cref="V2Client.ValidateOtpAsync"/>.</param>
/// <param name="Otp">The code.</param>
public sealed record CreatedOtp([property: JsonRequired] string Id, [property: JsonRequired] string Otp)
{
    /// <summary>Omits the code.</summary>
    public override string ToString() => $"CreatedOtp {{ Id = {Id} }}";
}

/// <summary>A created magic link.</summary>
/// <param name="MagicLink">The URL. It gives the JWT to anyone who opens it.</param>
/// <param name="Secret">The secret in the URL.</param>
public sealed record CreatedMagicLink([property: JsonRequired] Uri MagicLink, [property: JsonRequired] string Secret)
{
    /// <summary>Omits the link.</summary>
    public override string ToString() => nameof(CreatedMagicLink);
}

/// <summary>A created JWT.</summary>
/// <param name="Jwt">The JWT, for <c>Authorization: Bearer</c>.</param>
public sealed record CreatedJwt([property: JsonRequired] string Jwt)
{
    /// <summary>Omits the JWT.</summary>
    public override string ToString() => nameof(CreatedJwt);
}

/// <summary>A service account.</summary>
/// <param name="Uuid">The id of the account.</param>
/// <param name="ApiKey">The key that authenticates the account.</param>
/// <param name="Aud">The audience of its JWTs.</param>
/// <param name="Admin">Whether it may create other accounts.</param>
public sealed record ServiceAccount(
    [property: JsonRequired] Guid Uuid, [property: JsonRequired] string ApiKey, [property: JsonRequired] string Aud, bool Admin)
{
    /// <summary>Omits the key.</summary>
    public override string ToString() => $"ServiceAccount {{ Uuid = {Uuid}, Aud = {Aud}, Admin = {Admin} }}";
}
