using OtpPortal.Http;

namespace OtpPortal.MagicLinks;

/// <summary>A program that uses the API. It can validate only its own codes and tokens.</summary>
/// <param name="Id">Its public id.</param>
/// <param name="Audience">The <c>aud</c> claim of its JWTs.</param>
/// <param name="IsAdmin">Whether it may create other accounts.</param>
/// <param name="Redirects">Allowed targets of its magic links; null allows every http(s) URL.</param>
public sealed record ServiceAccount(Guid Id, string Audience, bool IsAdmin, SafeRedirects? Redirects)
{
    /// <summary>The realm of its records.</summary>
    public string Realm => $"v2:{Id:N}";

    public override string ToString() => Id.ToString();
}
