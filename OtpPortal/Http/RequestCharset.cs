using Microsoft.Net.Http.Headers;

namespace OtpPortal.Http;

/// <summary>Rejects bodies in UTF-7: .NET recognizes the name but does not decode it, so reading a form would fail.</summary>
internal static class RequestCharset
{
    public static void UseRequestCharset(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        if (context.Request.ContentType is not { } type || IsDecoded(type)) return next(context);
        context.Response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
        return Task.CompletedTask;
    });

    private static bool IsDecoded(string contentType)
    {
        try
        {
            // Null for an unknown name; such a body is read as UTF-8.
            _ = MediaTypeHeaderValue.TryParse(contentType, out var type) ? type.Encoding : null;
            return true;
        }
        catch (NotSupportedException)
        {
            return false;
        }
    }
}
