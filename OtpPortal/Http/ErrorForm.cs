namespace OtpPortal.Http;

/// <summary>The form that an API gives its errors, for those that come about before its endpoints: the request of another site's page, say.</summary>
/// <param name="Root">What the addresses of the API begin with.</param>
/// <param name="WriteAsync">Writes an error: its status, and a sentence that says what is wrong.</param>
public sealed record ErrorForm(PathString Root, Func<HttpContext, int, string, Task> WriteAsync);
