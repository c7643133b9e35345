using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace OtpPortal.Client;

/// <summary>
/// One-time codes for a backend of one's own: a code to a mail address or a phone, and whether it came back (<c>/api/otp</c>).
/// </summary>
public sealed class GatewayClient
{
    // As the portal words it: the one 429 of a creation that is neither a locked id nor a matter of the credentials.
    private const string HeldBack = "The message is not sent";
    private const string DoesNotExist = "the OTP does not exist";

    private readonly PortalHttp _http;
    private readonly AuthenticationHeaderValue? _credentials;

    internal GatewayClient(PortalHttp http, string? name, string? secret)
    {
        _http = http;
        if (name is not null)
            _credentials = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{name}:{secret}")));
    }

    /// <summary>The names of the providers that can send a code: <c>smtp</c>, <c>postmark</c>, <c>sipgate_sms</c> …</summary>
    /// <param name="stop">Gives up.</param>
    public async Task<IReadOnlyList<string>> ListProvidersAsync(CancellationToken stop = default)
    {
        var answer = await _http.SendAsync(HttpMethod.Get, "/api/providers", Authorize, stop);
        if (answer.Status != HttpStatusCode.OK) throw answer.Unexpected();
        return answer.Read(PortalJson.Default.GatewayNames).Data ?? throw answer.Malformed(null);
    }

    /// <summary>Begins or restarts a verification, and sends its code. Returns when the provider has taken the message.</summary>
    /// <param name="request">What to verify.</param>
    /// <param name="stop">Gives up; the code may have been sent all the same.</param>
    /// <exception cref="ArgumentException">The id does not have 6 to 200 printable characters.</exception>
    /// <exception cref="OtpPortalException">Besides the usual: status 502 when no provider took the message.</exception>
    public async Task<OtpCreation> CreateAsync(OtpRequest request, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var answer = await _http.SendAsync(HttpMethod.Put, request.Id is null ? "/api/otp" : PathOf(request.Id), message =>
        {
            Authorize(message);
            message.Content = request.ToForm();
            if (request.Language is not null) message.Headers.TryAddWithoutValidation("Accept-Language", request.Language);
        }, stop);
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
                && why.StartsWith(HeldBack, StringComparison.Ordinal):
                return new OtpCreation.HeldBack(why, answer.RetryAfter ?? TimeSpan.Zero);
            default:
                throw answer.Unexpected();
        }
    }

    /// <summary>Tries what the user typed. Of any number of right tries one is <see cref="OtpCheck.Verified"/>.</summary>
    /// <param name="id">The verification's id.</param>
    /// <param name="code">What was typed.</param>
    /// <param name="stop">Gives up; the try may count all the same.</param>
    /// <exception cref="ArgumentException">The id does not have 6 to 200 printable characters.</exception>
    public async Task<OtpCheck> CheckAsync(string id, string code, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(code);
        var answer = await _http.SendAsync(HttpMethod.Post, PathOf(id), message =>
        {
            Authorize(message);
            message.Content = new FormUrlEncodedContent([new("action", "check"), new("otp", code)]);
        }, stop);
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
    /// Asks what became of a verification whose code is entered on the portal's page, or that has <see cref="OtpRequest.SkipDelete"/>.
    /// </summary>
    /// <param name="id">The verification's id.</param>
    /// <param name="stop">Gives up.</param>
    /// <exception cref="ArgumentException">The id does not have 6 to 200 printable characters.</exception>
    public Task<OtpStatus> GetStatusAsync(string id, CancellationToken stop = default) => AskAsync(HttpMethod.Post, id, stop);

    /// <summary>
    /// Asks the same, and deletes the verification when it is verified: of several that ask, one gets <see cref="OtpStatus.Verified"/>.
    /// </summary>
    /// <param name="id">The verification's id.</param>
    /// <param name="stop">Gives up; it may be deleted all the same.</param>
    /// <exception cref="ArgumentException">The id does not have 6 to 200 printable characters.</exception>
    public Task<OtpStatus> DeleteAsync(string id, CancellationToken stop = default) => AskAsync(HttpMethod.Delete, id, stop);

    private async Task<OtpStatus> AskAsync(HttpMethod method, string id, CancellationToken stop)
    {
        var answer = await _http.SendAsync(method, PathOf(id) + "/status", Authorize, stop);
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

/// <summary>A wish for a verification. What is null is the portal's default.</summary>
public sealed record OtpRequest
{
    /// <summary>Who sends the code: one of <see cref="GatewayClient.ListProvidersAsync"/>.</summary>
    public required string Provider { get; init; }

    /// <summary>
    /// 6 to 200 printable characters, the same again for the same user and purpose, so that tries go on being counted; null for a random
    /// one.
    /// </summary>
    public string? Id { get; init; }

    /// <summary>A mail address or a phone number, as the provider wants it; null: the portal's page asks for it, once.</summary>
    public string? To { get; init; }

    /// <summary>3 to 32 printable characters, or as many as the provider takes; null: the portal makes one.</summary>
    public string? Code { get; init; }

    /// <summary>How long the code is good, in whole seconds; more than 3600 s are reduced to that.</summary>
    public TimeSpan? Ttl { get; init; }

    /// <summary>Tries, at least 1; more than 20 are reduced to that.</summary>
    public int? MaxAttempts { get; init; }

    /// <summary>How often a live id may be begun again, at least 1; more than 20 are reduced to that.</summary>
    public int? MaxGenerate { get; init; }

    /// <summary>Keeps the verification after its success until its time is over.</summary>
    public bool SkipDelete { get; init; }

    /// <summary>The caller's own, which comes back with every answer: at most 16 KB of JSON.</summary>
    public JsonElement? Extra { get; init; }

    /// <summary>Shown where the portal's page asks for the code; at most 2,000 characters.</summary>
    public string? ChannelDescription { get; init; }

    /// <summary>Shown where the portal's page asks for the address; at most 2,000 characters.</summary>
    public string? AddressDescription { get; init; }

    /// <summary>The user's <c>Accept-Language</c>: the message is written in it.</summary>
    public string? Language { get; init; }

    /// <summary>Without the code.</summary>
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

/// <summary>A verification.</summary>
/// <param name="Namespace">Whose it is.</param>
/// <param name="Id">Its id.</param>
/// <param name="To">Where the code went, as it was asked for; empty while the user has not said.</param>
/// <param name="Provider">Who sent it.</param>
/// <param name="ChannelDescription">As it was asked for, or empty.</param>
/// <param name="AddressDescription">As it was asked for, or empty.</param>
/// <param name="Extra">As it was asked for, or an empty object.</param>
/// <param name="Attempts">1 for the sending, and one more for each try.</param>
/// <param name="MaxAttempts">Tries that there are.</param>
/// <param name="Generate">Messages so far.</param>
/// <param name="MaxGenerate">How often the id may be begun again.</param>
/// <param name="IsClosed">Whether the right code was entered.</param>
/// <param name="Ttl">How long it still is, in whole seconds.</param>
/// <param name="Url">The portal's page for it.</param>
public sealed record Otp(
    string Namespace, string Id, string To, string Provider, string ChannelDescription, string AddressDescription, JsonElement Extra,
    int Attempts, int MaxAttempts, int Generate, int MaxGenerate, bool IsClosed, TimeSpan Ttl, Uri Url)
{
    /// <summary>Tries that are left.</summary>
    public int AttemptsLeft => Math.Max(0, MaxAttempts + 1 - Attempts);
}

/// <summary>What became of the wish for a verification.</summary>
public abstract record OtpCreation
{
    private OtpCreation() { }

    /// <summary>It is begun, and its code is sent where <see cref="OtpRequest.To"/> was given.</summary>
    /// <param name="Otp">The verification.</param>
    /// <param name="Code">The code. No other answer has it.</param>
    public sealed record Created(Otp Otp, string Code) : OtpCreation
    {
        /// <summary>Without the code.</summary>
        public override string ToString() => $"Created {{ Otp = {Otp.Namespace}/{Otp.Id} }}";
    }

    /// <summary>No tries, or no messages, are left for this id.</summary>
    /// <param name="RetryAfter">Until the verification's time is over; whole seconds.</param>
    public sealed record Locked(TimeSpan RetryAfter) : OtpCreation;

    /// <summary>The portal's limits of SMS keep the message back.</summary>
    /// <param name="Reason">Which limit, for the log.</param>
    /// <param name="RetryAfter">Until it may be tried again; whole seconds.</param>
    public sealed record HeldBack(string Reason, TimeSpan RetryAfter) : OtpCreation;

    /// <summary>A field is not allowed, such as an address that the provider cannot write to.</summary>
    /// <param name="Reason">Which one, and why, for the log.</param>
    public sealed record Refused(string Reason) : OtpCreation;
}

/// <summary>What a try was.</summary>
public abstract record OtpCheck
{
    private OtpCheck() { }

    /// <summary>The code was right. The verification is deleted, but with <see cref="OtpRequest.SkipDelete"/>.</summary>
    /// <param name="Otp">The verification.</param>
    public sealed record Verified(Otp Otp) : OtpCheck;

    /// <summary>The code was wrong.</summary>
    /// <param name="Otp">The verification; <see cref="Otp.AttemptsLeft"/> tells how many tries are left.</param>
    public sealed record Wrong(Otp Otp) : OtpCheck;

    /// <summary>All tries are used up, right code or not.</summary>
    /// <param name="RetryAfter">Until the verification's time is over; whole seconds.</param>
    public sealed record Locked(TimeSpan RetryAfter) : OtpCheck;

    /// <summary>An earlier request had the success.</summary>
    /// <param name="Otp">The verification.</param>
    public sealed record AlreadyVerified(Otp Otp) : OtpCheck;

    /// <summary>There is no such verification: it is over, was deleted, or never was.</summary>
    public sealed record Unknown : OtpCheck;

    /// <summary>It was no try: nothing was typed.</summary>
    /// <param name="Reason">Why, for the log.</param>
    public sealed record Refused(string Reason) : OtpCheck;
}

/// <summary>How far a verification is.</summary>
public abstract record OtpStatus
{
    private OtpStatus() { }

    /// <summary>The right code was entered.</summary>
    /// <param name="Otp">The verification.</param>
    public sealed record Verified(Otp Otp) : OtpStatus;

    /// <summary>Not yet.</summary>
    public sealed record Open : OtpStatus;

    /// <summary>There is no such verification: it is over, was deleted, or never was.</summary>
    public sealed record Unknown : OtpStatus;
}
