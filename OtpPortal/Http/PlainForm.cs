namespace OtpPortal.Http;

/// <summary>How endpoints take a form and go on from it.</summary>
internal static class PlainForm
{
    /// <summary>
    /// The form that was posted, or null when what was posted is none. HTTP libraries send a form without fields as nothing at all.
    /// </summary>
    public static async Task<IFormCollection?> ReadAsync(HttpContext context) =>
        context.Request.HasFormContentType ? await context.Request.ReadFormAsync(context.RequestAborted)
        : IsEmpty(context.Request) ? FormCollection.Empty
        : null;

    /// <summary>303: the browser goes on with GET, so a reload posts nothing again (RFC 9110, 15.4.4).</summary>
    public static IResult SeeOther(HttpContext context, string location)
    {
        context.Response.Headers.Location = InAscii(location);
        context.Response.Headers.CacheControl = "no-store";
        return TypedResults.StatusCode(StatusCodes.Status303SeeOther);
    }

    // Parts of the request's own path (line ends, other scripts) cannot be in a header as they are.
    private static string InAscii(string location) =>
        location.All(IsPlain) ? location : string.Concat(location.EnumerateRunes().Select(rune =>
            rune.IsAscii && IsPlain((char)rune.Value) ? rune.ToString() : Uri.EscapeDataString(rune.ToString())));

    private static bool IsPlain(char c) => c is > ' ' and <= '~';

    private static bool IsEmpty(HttpRequest request) =>
        string.IsNullOrEmpty(request.ContentType) && request.ContentLength is null or 0 && request.Headers.TransferEncoding.Count == 0;
}
