using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;

namespace OtpPortal.Client;

/// <summary>Lists and revokes a portal's live sessions (<c>/auth-tokens</c>).</summary>
public sealed class SessionsClient
{
    private const int PageSize = 500;

    private readonly PortalHttp _http;
    private readonly string? _key;

    internal SessionsClient(PortalHttp http, string? key) => (_http, _key) = (http, key);

    /// <summary>Lists all live sessions, oldest first. Fetches pages of 500 lazily.</summary>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <remarks>
    /// Not a snapshot: sessions that end during the enumeration are omitted, and new ones are added at the end.
    /// </remarks>
    public IAsyncEnumerable<PortalSession> ListAsync(CancellationToken cancellationToken = default) => PagesAsync("", cancellationToken);

    /// <summary>Lists the live sessions of an email address, oldest first.</summary>
    /// <param name="email">The email address, in any case.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    public IAsyncEnumerable<PortalSession> ListAsync(string email, CancellationToken cancellationToken = default)
    {
        // The portal treats an empty address as missing, and would list all sessions.
        ArgumentException.ThrowIfNullOrWhiteSpace(email);
        return PagesAsync("&email=" + Uri.EscapeDataString(email.Trim()), cancellationToken);
    }

    /// <summary>Revokes a session on all replicas. Its next check fails.</summary>
    /// <param name="id">The session's <see cref="PortalSession.Id"/>.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <returns>False if there is no live session with this id.</returns>
    public async Task<bool> RevokeAsync(string id, CancellationToken cancellationToken = default)
    {
        if (string.IsNullOrEmpty(id) || !id.All(char.IsAsciiLetterOrDigit))
        {
            throw new ArgumentException("A session id must be letters and digits.", nameof(id));
        }
        var answer = await _http.SendAsync(HttpMethod.Delete, "/auth-tokens/" + id, Authorize, cancellationToken);
        return answer.Status switch
        {
            HttpStatusCode.NoContent => true,
            // Any server may respond 404, but only the portal sends this error code.
            HttpStatusCode.NotFound when answer.TryRead(PortalJson.Default.ErrorBody)?.Error == "not_found" => false,
            _ => throw answer.Unexpected(),
        };
    }

    /// <summary>Revokes all sessions of an email address, if there are any.</summary>
    /// <param name="email">The email address, in any case.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    public async Task RevokeAllAsync(string email, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(email);
        var answer = await _http.SendAsync(HttpMethod.Delete, "/auth-tokens?email=" + Uri.EscapeDataString(email.Trim()), Authorize,
            cancellationToken);
        if (answer.Status != HttpStatusCode.NoContent) throw answer.Unexpected();
    }

    private async IAsyncEnumerable<PortalSession> PagesAsync(string filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? cursor = null;
        do
        {
            var place = cursor is null ? "" : "&cursor=" + Uri.EscapeDataString(cursor);
            var answer =
                await _http.SendAsync(HttpMethod.Get, $"/auth-tokens?details=true&limit={PageSize}{filter}{place}", Authorize,
                    cancellationToken);
            if (answer.Status != HttpStatusCode.OK) throw answer.Unexpected();
            foreach (var session in answer.Read(PortalJson.Default.ListSessionBody))
            {
                yield return new PortalSession(
                    session.Id, session.Email, session.CreatedAt, session.LastSeenAt, session.ExpiresAt, session.Ip, session.UserAgent,
                    session.AuthToken);
            }
            var next = answer.Header("X-Next-Cursor");
            // Stops with an error rather than fetching the same page forever.
            if (next is not null && next == cursor) throw answer.Malformed(null);
            cursor = next;
        }
        while (cursor is not null);
    }

    private void Authorize(HttpRequestMessage request) =>
        request.Headers.Authorization = new AuthenticationHeaderValue(
            "Bearer",
            _key ?? throw new InvalidOperationException(
                $"{nameof(OtpPortalOptions)}.{nameof(OtpPortalOptions.AuthSecretKey)} is required for this call."));
}

/// <summary>A live session.</summary>
/// <param name="Id">Identifies the session for <see cref="SessionsClient.RevokeAsync"/>. Not a secret.</param>
/// <param name="Email">The email address of the signed-in user.</param>
/// <param name="CreatedAt">When the session was created.</param>
/// <param name="LastSeenAt">When the session was last used.</param>
/// <param name="ExpiresAt">When the session expires if it is not used again.</param>
/// <param name="Ip">The client's IP address at sign-in; may be empty.</param>
/// <param name="UserAgent">The browser's User-Agent header at sign-in; may be empty.</param>
/// <param name="AuthToken">The session's token, a credential; empty if the portal can no longer decrypt it.</param>
public sealed record PortalSession(
    string Id, string Email, DateTimeOffset CreatedAt, DateTimeOffset LastSeenAt, DateTimeOffset ExpiresAt, string Ip, string UserAgent,
    string AuthToken)
{
    /// <summary>Omits the token.</summary>
    public override string ToString() => $"PortalSession {{ Id = {Id}, Email = {Email} }}";
}
