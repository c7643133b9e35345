namespace OtpPortal.Sessions;

/// <summary>The signed-in user's identity for the app behind the proxy, in both common families of header names.</summary>
internal static class IdentityHeaders
{
    /// <summary>Contain the user's address.</summary>
    public static readonly string[] Known = ["Remote-User", "Remote-Email", "X-Auth-Request-User", "X-Auth-Request-Email"];

    /// <summary>
    /// Empty but present: a proxy that copies these headers overwrites what the client sent under the same names.
    /// </summary>
    public static readonly string[] Unknown =
        ["Remote-Name", "Remote-Groups", "X-Auth-Request-Groups", "X-Auth-Request-Preferred-Username"];

    public static void Write(HttpResponse response, string email)
    {
        foreach (var name in Known) response.Headers[name] = email;
        foreach (var name in Unknown) response.Headers[name] = "";
    }
}
