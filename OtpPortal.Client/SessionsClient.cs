using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;

namespace OtpPortal.Client;

/// <summary>The live sessions of a portal (<c>/auth-tokens</c>).</summary>
public sealed class SessionsClient
{
    private const int PageSize = 500;

    private readonly PortalHttp _http;
    private readonly string? _key;

    internal SessionsClient(PortalHttp http, string? key) => (_http, _key) = (http, key);

    /// <summary>All live sessions, the oldest first. They are fetched 500 at a time, as they are read.</summary>
    /// <param name="stop">Gives up.</param>
    /// <remarks>A position, not a snapshot: what ends meanwhile is left out, what begins meanwhile comes at the end.</remarks>
    public IAsyncEnumerable<PortalSession> ListAsync(CancellationToken stop = default) => PagesAsync("", stop);

    /// <summary>The live sessions of one address, the oldest first.</summary>
    /// <param name="email">The address, in upper or lower case.</param>
    /// <param name="stop">Gives up.</param>
    public IAsyncEnumerable<PortalSession> ListAsync(string email, CancellationToken stop = default)
    {
        // The portal takes an empty one for none at all, and would list everybody.
        ArgumentException.ThrowIfNullOrWhiteSpace(email);
        return PagesAsync("&email=" + Uri.EscapeDataString(email.Trim()), stop);
    }

    /// <summary>Ends one session; its next check fails, on every replica.</summary>
    /// <param name="id">The session's <see cref="PortalSession.Id"/>.</param>
    /// <param name="stop">Gives up.</param>
    /// <returns>False when there is no live session with this id.</returns>
    public async Task<bool> RevokeAsync(string id, CancellationToken stop = default)
    {
        if (string.IsNullOrEmpty(id) || !id.All(char.IsAsciiLetterOrDigit))
        {
            throw new ArgumentException("A session id must be letters and digits.", nameof(id));
        }
        var answer = await _http.SendAsync(HttpMethod.Delete, "/auth-tokens/" + id, Authorize, stop);
        return answer.Status switch
        {
            HttpStatusCode.NoContent => true,
            // Any server may answer 404; the portal says of what.
            HttpStatusCode.NotFound when answer.TryRead(PortalJson.Default.ErrorBody)?.Error == "not_found" => false,
            _ => throw answer.Unexpected(),
        };
    }

    /// <summary>Ends every session of an address; it need not have one.</summary>
    /// <param name="email">The address, in upper or lower case.</param>
    /// <param name="stop">Gives up.</param>
    public async Task RevokeAllAsync(string email, CancellationToken stop = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(email);
        var answer = await _http.SendAsync(HttpMethod.Delete, "/auth-tokens?email=" + Uri.EscapeDataString(email.Trim()), Authorize, stop);
        if (answer.Status != HttpStatusCode.NoContent) throw answer.Unexpected();
    }

    private async IAsyncEnumerable<PortalSession> PagesAsync(string filter, [EnumeratorCancellation] CancellationToken stop)
    {
        string? cursor = null;
        do
        {
            var place = cursor is null ? "" : "&cursor=" + Uri.EscapeDataString(cursor);
            var answer =
                await _http.SendAsync(HttpMethod.Get, $"/auth-tokens?details=true&limit={PageSize}{filter}{place}", Authorize, stop);
            if (answer.Status != HttpStatusCode.OK) throw answer.Unexpected();
            foreach (var session in answer.Read(PortalJson.Default.ListSessionBody))
            {
                yield return new PortalSession(
                    session.Id, session.Email, session.CreatedAt, session.LastSeenAt, session.ExpiresAt, session.Ip, session.UserAgent,
                    session.AuthToken);
            }
            var next = answer.Header("X-Next-Cursor");
            // The same page for ever would be worse than a list that breaks off with a reason.
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
/// <param name="Id">Names it for <see cref="SessionsClient.RevokeAsync"/>, and signs nobody in.</param>
/// <param name="Email">Who is signed in.</param>
/// <param name="CreatedAt">When.</param>
/// <param name="LastSeenAt">When it was last used.</param>
/// <param name="ExpiresAt">When it ends if it is not used again.</param>
/// <param name="Ip">The address of the sign-in; may be empty.</param>
/// <param name="UserAgent">The browser of the sign-in, as it called itself; may be empty.</param>
/// <param name="AuthToken">The session's token. It signs its bearer in; empty when the portal cannot read it any more.</param>
public sealed record PortalSession(
    string Id, string Email, DateTimeOffset CreatedAt, DateTimeOffset LastSeenAt, DateTimeOffset ExpiresAt, string Ip, string UserAgent,
    string AuthToken)
{
    /// <summary>Without the token.</summary>
    public override string ToString() => $"PortalSession {{ Id = {Id}, Email = {Email} }}";
}
