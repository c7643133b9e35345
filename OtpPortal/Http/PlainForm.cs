namespace OtpPortal.Http;

/// <summary>Reads posted forms, and redirects after them.</summary>
internal static class PlainForm
{
    /// <summary>
    /// Reads the posted form, or returns null if the body is not a form. HTTP libraries send a form without fields as an empty
    /// body.
    /// </summary>
    public static async Task<IFormCollection?> ReadAsync(HttpContext context) =>
        context.Request.HasFormContentType ? await context.Request.ReadFormAsync(context.RequestAborted)
        : IsEmpty(context.Request) ? FormCollection.Empty
        : null;

    /// <summary>
    /// Redirects with 303: the browser continues with GET, so a reload does not repeat the post (RFC 9110, 15.4.4).
    /// </summary>
    public static IResult SeeOther(HttpContext context, string location)
    {
        context.Response.Headers.Location = InAscii(location);
        context.Response.Headers.CacheControl = "no-store";
        return TypedResults.StatusCode(StatusCodes.Status303SeeOther);
    }

    // Parts of the request's own path (line breaks, non-ASCII characters) must be escaped in a header.
    private static string InAscii(string location) =>
        location.All(IsPlain) ? location : string.Concat(location.EnumerateRunes().Select(rune =>
            rune.IsAscii && IsPlain((char)rune.Value) ? rune.ToString() : Uri.EscapeDataString(rune.ToString())));

    private static bool IsPlain(char c) => c is > ' ' and <= '~';

    private static bool IsEmpty(HttpRequest request) =>
        string.IsNullOrEmpty(request.ContentType) && request.ContentLength is null or 0 && request.Headers.TransferEncoding.Count == 0;
}
