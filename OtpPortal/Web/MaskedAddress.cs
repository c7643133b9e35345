namespace OtpPortal.Web;

/// <summary>An e-mail address as it may stand in logs: the first letter and the domain.</summary>
public static class MaskedAddress
{
    public static string Of(string email)
    {
        var at = email.IndexOf('@', StringComparison.Ordinal);
        return at > 0 ? $"{email[0]}…{email[at..]}" : "…";
    }
}
