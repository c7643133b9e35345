using OtpPortal.Http;

namespace OtpPortal.MagicLinks;

/// <summary>A program that uses the API. It validates its own codes and tokens only.</summary>
/// <param name="Id">Its public name.</param>
/// <param name="Audience">The claim <c>aud</c> of its JWTs.</param>
/// <param name="IsAdmin">May make other accounts.</param>
/// <param name="Redirects">Where its magic links may lead; null for any http(s) address.</param>
public sealed record ServiceAccount(Guid Id, string Audience, bool IsAdmin, SafeRedirects? Redirects)
{
    /// <summary>What its records are kept under.</summary>
    public string Realm => $"v2:{Id:N}";

    public override string ToString() => Id.ToString();
}
