namespace OtpPortal.Histories.Running;

/// <summary>A session as its client knows it.</summary>
internal sealed class UserSession(string email, string token)
{
    private readonly List<string> _old = [];

    public string Email => email;

    /// <summary>Gets the newest token.</summary>
    public string Token { get; private set; } = token;

    /// <summary>Gets the tokens before the newest one, oldest first.</summary>
    public IReadOnlyList<string> Old => _old;

    /// <summary>Gets or sets when a session that rests is used again, in milliseconds since the start of the run.</summary>
    public double WakesAt { get; set; }

    /// <summary>Continues with the token of an answer.</summary>
    public void Continue(string? token)
    {
        if (token is null || token == Token) return;
        _old.Add(Token);
        Token = token;
    }
}
