using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace OtpPortal.Client;

/// <summary>
/// Verifies email addresses and phone numbers with one-time codes, for other backends (<c>/api/otp</c>).
/// </summary>
public sealed class GatewayClient
{
    // The portal's message for the only 429 of a creation that concerns neither a locked id nor the credentials.
    private const string Limited = "The message is not sent";
    private const string DoesNotExist = "the OTP does not exist";

    private readonly PortalHttp _http;
    private readonly AuthenticationHeaderValue? _credentials;

    internal GatewayClient(PortalHttp http, string? name, string? secret)
    {
        _http = http;
        if (name is not null)
            _credentials = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{name}:{secret}")));
    }

    /// <summary>
    /// Lists the names of the providers that can send a code: <c>smtp</c>, <c>postmark</c>, <c>sipgate_sms</c> …
    /// </summary>
    /// <param name="cancellationToken">Cancels the request.</param>
    public async Task<IReadOnlyList<string>> ListProvidersAsync(CancellationToken cancellationToken = default)
    {
        var answer = await _http.SendAsync(HttpMethod.Get, "/api/providers", Authorize, cancellationToken);
        if (answer.Status != HttpStatusCode.OK) throw answer.Unexpected();
        return answer.Read(PortalJson.Default.GatewayNames).Data ?? throw answer.Malformed(null);
    }

    /// <summary>
    /// Begins or restarts a verification and sends its code. Returns when the provider has accepted the message.
    /// </summary>
    /// <param name="request">The verification to begin.</param>
    /// <param name="cancellationToken">Cancels the request; the code may have been sent anyway.</param>
    /// <exception cref="ArgumentException">The id does not have 6 to 200 printable characters.</exception>
    /// <exception cref="OtpPortalException">In addition to the general cases: status 502 if no provider accepted the
    /// message.</exception>
    public async Task<OtpCreation> CreateAsync(OtpRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var answer = await _http.SendAsync(HttpMethod.Put, request.Id is null ? "/api/otp" : PathOf(request.Id), message =>
        {
            Authorize(message);
            message.Content = request.ToForm();
            if (request.Language is not null) message.Headers.TryAddWithoutValidation("Accept-Language", request.Language);
        }, cancellationToken);
        switch (answer.Status)
        {
            case HttpStatusCode.OK:
                var body = answer.Read(PortalJson.Default.GatewayOtp).Data;
                return new OtpCreation.Created(Read(answer, body), body?.Otp ?? throw answer.Malformed(null));
            case HttpStatusCode.BadRequest:
                return new OtpCreation.Refused(answer.Read(PortalJson.Default.GatewayOtp).Message ?? "");
            case HttpStatusCode.TooManyRequests when answer.TryRead(PortalJson.Default.GatewayLock)?.Data is { } locked:
                return new OtpCreation.Locked(answer.RetryAfter ?? TimeSpan.FromSeconds(locked.TtlSeconds));
            case HttpStatusCode.TooManyRequests when answer.TryRead(PortalJson.Default.GatewayLock)?.Message is { } why
                && why.StartsWith(Limited, StringComparison.Ordinal):
                return new OtpCreation.Limited(why, answer.RetryAfter ?? TimeSpan.Zero);
            default:
                throw answer.Unexpected();
        }
    }

    /// <summary>Checks a code. Of concurrent correct attempts, one returns <see cref="OtpCheck.Verified"/>.</summary>
    /// <param name="id">The id of the verification.</param>
    /// <param name="code">The code that the user typed.</param>
    /// <param name="cancellationToken">Cancels the request; the attempt may count anyway.</param>
    /// <exception cref="ArgumentException">The id does not have 6 to 200 printable characters.</exception>
    public async Task<OtpCheck> CheckAsync(string id, string code, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(code);
        var answer = await _http.SendAsync(HttpMethod.Post, PathOf(id), message =>
        {
            Authorize(message);
            message.Content = new FormUrlEncodedContent([new("action", "check"), new("otp", code)]);
        }, cancellationToken);
        switch (answer.Status)
        {
            case HttpStatusCode.OK:
                return new OtpCheck.Verified(Read(answer, answer.Read(PortalJson.Default.GatewayOtp).Data));
            case HttpStatusCode.BadRequest:
                var refusal = answer.Read(PortalJson.Default.GatewayOtp);
                if (refusal.Data is not null) return new OtpCheck.Wrong(Read(answer, refusal.Data));
                return refusal.Message == DoesNotExist ? new OtpCheck.Unknown() : new OtpCheck.Refused(refusal.Message ?? "");
            case HttpStatusCode.TooManyRequests when answer.TryRead(PortalJson.Default.GatewayOtp)?.Data is { Closed: true } closed:
                return new OtpCheck.AlreadyVerified(Read(answer, closed));
            case HttpStatusCode.TooManyRequests when answer.TryRead(PortalJson.Default.GatewayOtp)?.Data is { } locked:
                return new OtpCheck.Locked(answer.RetryAfter ?? TimeSpan.FromSeconds(locked.Ttl));
            default:
                throw answer.Unexpected();
        }
    }

    /// <summary>
    /// Gets the status of a verification whose code is entered on the portal's page, or that has
    /// <see cref="OtpRequest.SkipDelete"/>.
    /// </summary>
    /// <param name="id">The id of the verification.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <exception cref="ArgumentException">The id does not have 6 to 200 printable characters.</exception>
    public Task<OtpStatus> GetStatusAsync(string id, CancellationToken cancellationToken = default) =>
        AskAsync(HttpMethod.Post, id, cancellationToken);

    /// <summary>
    /// Gets the status of a verification and deletes it if it is verified. Of concurrent calls, one returns
    /// <see cref="OtpStatus.Verified"/>.
    /// </summary>
    /// <param name="id">The id of the verification.</param>
    /// <param name="cancellationToken">Cancels the request; the verification may be deleted anyway.</param>
    /// <exception cref="ArgumentException">The id does not have 6 to 200 printable characters.</exception>
    public Task<OtpStatus> DeleteAsync(string id, CancellationToken cancellationToken = default) =>
        AskAsync(HttpMethod.Delete, id, cancellationToken);

    private async Task<OtpStatus> AskAsync(HttpMethod method, string id, CancellationToken cancellationToken)
    {
        var answer = await _http.SendAsync(method, PathOf(id) + "/status", Authorize, cancellationToken);
        return answer.Status switch
        {
            HttpStatusCode.OK => new OtpStatus.Verified(Read(answer, answer.Read(PortalJson.Default.GatewayOtp).Data)),
            HttpStatusCode.BadRequest => answer.Read(PortalJson.Default.GatewayOtp).Message == DoesNotExist
                ? new OtpStatus.Unknown() : new OtpStatus.Open(),
            _ => throw answer.Unexpected(),
        };
    }

    private void Authorize(HttpRequestMessage request) =>
        request.Headers.Authorization = _credentials
            ?? throw new InvalidOperationException(
                $"{nameof(OtpPortalOptions)}.{nameof(OtpPortalOptions.NamespaceName)} and "
                + $"{nameof(OtpPortalOptions.NamespaceSecret)} are required for this call.");

    private static string PathOf(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        var characters = id.EnumerateRunes().ToList();
        return characters.Count is >= 6 and <= 200 && characters.TrueForAll(IsPrintable)
            ? "/api/otp/" + Uri.EscapeDataString(id)
            : throw new ArgumentException("An id must be 6 to 200 printable characters.", nameof(id));
    }

    private static bool IsPrintable(Rune character) => Rune.GetUnicodeCategory(character) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);

    private static Otp Read(PortalAnswer answer, PortalJson.OtpBody? body)
    {
        if (body is null || !Uri.TryCreate(body.Url, UriKind.Absolute, out var url)) throw answer.Malformed(null);
        return new Otp(
            body.Namespace, body.Id, body.To, body.Provider, body.ChannelDescription, body.AddressDescription, body.Extra,
            body.Attempts, body.MaxAttempts, body.Generate, body.MaxGenerate, body.Closed, TimeSpan.FromSeconds(body.Ttl), url);
    }
}

/// <summary>A request for a verification. Null values use the portal's defaults.</summary>
public sealed record OtpRequest
{
    /// <summary>The provider that sends the code: one of <see cref="GatewayClient.ListProvidersAsync"/>.</summary>
    public required string Provider { get; init; }

    /// <summary>
    /// The id, 6 to 200 printable characters; null generates a random one. Use the same id for the same user and purpose, so
    /// that the attempts are counted together.
    /// </summary>
    public string? Id { get; init; }

    /// <summary>
    /// The email address or phone number, in a format that the provider accepts; null lets the portal's page ask for it, once.
    /// </summary>
    public string? To { get; init; }

    /// <summary>The code, 3 to 32 printable characters or as many as the provider accepts; null generates one.</summary>
    public string? Code { get; init; }

    /// <summary>The lifetime of the code in whole seconds; values above 3600 s are reduced.</summary>
    public TimeSpan? Ttl { get; init; }

    /// <summary>Maximum number of attempts, at least 1; values above 20 are reduced.</summary>
    public int? MaxAttempts { get; init; }

    /// <summary>Maximum number of times that a live id may be restarted, at least 1; values above 20 are reduced.</summary>
    public int? MaxGenerate { get; init; }

    /// <summary>Whether to keep the verification after its success until it expires.</summary>
    public bool SkipDelete { get; init; }

    /// <summary>The caller's data, returned in every response: at most 16 KB of JSON.</summary>
    public JsonElement? Extra { get; init; }

    /// <summary>The description on the portal's code page; at most 2,000 characters.</summary>
    public string? ChannelDescription { get; init; }

    /// <summary>The description on the portal's address page; at most 2,000 characters.</summary>
    public string? AddressDescription { get; init; }

    /// <summary>The user's <c>Accept-Language</c>, which determines the language of the message.</summary>
    public string? Language { get; init; }

    /// <summary>Omits the code.</summary>
    public override string ToString() => $"OtpRequest {{ Id = {Id}, Provider = {Provider} }}";

    internal FormUrlEncodedContent ToForm()
    {
        var fields = new List<KeyValuePair<string, string>> { new("provider", Provider) };
        Add("to", To);
        Add("otp", Code);
        Add("ttl", Ttl is { } ttl ? ttl.TotalSeconds.ToString(CultureInfo.InvariantCulture) : null);
        Add("max_attempts", MaxAttempts?.ToString(CultureInfo.InvariantCulture));
        Add("max_generate", MaxGenerate?.ToString(CultureInfo.InvariantCulture));
        Add("skip_delete", SkipDelete ? "true" : null);
        Add("extra", Extra?.GetRawText());
        Add("channel_description", ChannelDescription);
        Add("address_description", AddressDescription);
        return new FormUrlEncodedContent(fields);

        void Add(string name, string? value)
        {
            if (value is not null) fields.Add(new(name, value));
        }
    }
}

/// <summary>The state of a verification.</summary>
/// <param name="Namespace">The namespace that owns it.</param>
/// <param name="Id">The id of the verification.</param>
/// <param name="To">The recipient as requested; empty until the user has entered it.</param>
/// <param name="Provider">The provider that sends the code.</param>
/// <param name="ChannelDescription">The requested description, or empty.</param>
/// <param name="AddressDescription">The requested description, or empty.</param>
/// <param name="Extra">The requested data, or an empty object.</param>
/// <param name="Attempts">1 for the first message, plus one for each attempt.</param>
/// <param name="MaxAttempts">Maximum number of attempts.</param>
/// <param name="Generate">Number of messages so far.</param>
/// <param name="MaxGenerate">Maximum number of times that the id may be restarted.</param>
/// <param name="IsClosed">Whether the correct code has been entered.</param>
/// <param name="Ttl">The remaining lifetime in whole seconds.</param>
/// <param name="Url">The URL of the portal's page for the verification.</param>
public sealed record Otp(
    string Namespace, string Id, string To, string Provider, string ChannelDescription, string AddressDescription, JsonElement Extra,
    int Attempts, int MaxAttempts, int Generate, int MaxGenerate, bool IsClosed, TimeSpan Ttl, Uri Url)
{
    /// <summary>Number of remaining attempts.</summary>
    public int AttemptsLeft => Math.Max(0, MaxAttempts + 1 - Attempts);
}

/// <summary>The outcome of requesting a verification.</summary>
public abstract record OtpCreation
{
    private OtpCreation() { }

    /// <summary>The verification has begun. Its code was sent if <see cref="OtpRequest.To"/> was set.</summary>
    /// <param name="Otp">The verification.</param>
    /// <param name="Code">The code. No other response contains it.</param>
    public sealed record Created(Otp Otp, string Code) : OtpCreation
    {
        /// <summary>Omits the code.</summary>
        public override string ToString() => $"Created {{ Otp = {Otp.Namespace}/{Otp.Id} }}";
    }

    /// <summary>The id has no attempts or no messages left.</summary>
    /// <param name="RetryAfter">Time until the verification expires, in whole seconds.</param>
    public sealed record Locked(TimeSpan RetryAfter) : OtpCreation;

    /// <summary>The portal's SMS limits hold the message back.</summary>
    /// <param name="Reason">The limit, for logs.</param>
    /// <param name="RetryAfter">Time until the next attempt, in whole seconds.</param>
    public sealed record Limited(string Reason, TimeSpan RetryAfter) : OtpCreation;

    /// <summary>A field is invalid, such as an address that the provider cannot send to.</summary>
    /// <param name="Reason">The field and the reason, for logs.</param>
    public sealed record Refused(string Reason) : OtpCreation;
}

/// <summary>The outcome of checking a code.</summary>
public abstract record OtpCheck
{
    private OtpCheck() { }

    /// <summary>The code was correct. The verification is deleted unless it has <see cref="OtpRequest.SkipDelete"/>.</summary>
    /// <param name="Otp">The verification.</param>
    public sealed record Verified(Otp Otp) : OtpCheck;

    /// <summary>The code was wrong.</summary>
    /// <param name="Otp">The verification, with the number of remaining attempts in <see cref="Otp.AttemptsLeft"/>.</param>
    public sealed record Wrong(Otp Otp) : OtpCheck;

    /// <summary>No attempts are left; even the correct code is rejected.</summary>
    /// <param name="RetryAfter">Time until the verification expires, in whole seconds.</param>
    public sealed record Locked(TimeSpan RetryAfter) : OtpCheck;

    /// <summary>An earlier request has already verified the code.</summary>
    /// <param name="Otp">The verification.</param>
    public sealed record AlreadyVerified(Otp Otp) : OtpCheck;

    /// <summary>The verification has expired, was deleted, or never existed.</summary>
    public sealed record Unknown : OtpCheck;

    /// <summary>The code is empty. This does not use an attempt.</summary>
    /// <param name="Reason">The reason, for logs.</param>
    public sealed record Refused(string Reason) : OtpCheck;
}

/// <summary>The status of a verification.</summary>
public abstract record OtpStatus
{
    private OtpStatus() { }

    /// <summary>The correct code has been entered.</summary>
    /// <param name="Otp">The verification.</param>
    public sealed record Verified(Otp Otp) : OtpStatus;

    /// <summary>The correct code has not been entered yet.</summary>
    public sealed record Open : OtpStatus;

    /// <summary>The verification has expired, was deleted, or never existed.</summary>
    public sealed record Unknown : OtpStatus;
}
