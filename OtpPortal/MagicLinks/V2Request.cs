using System.Text.Json;
using OtpPortal.Http;

namespace OtpPortal.MagicLinks;

/// <summary>The body of a request, and the account that sends it.</summary>
internal sealed class V2Request
{
    private readonly RequestFields? _fields;
    private readonly IResult? _unreadable;
    private readonly HttpContext _context;

    private V2Request(HttpContext context, RequestFields fields) => (_context, _fields) = (context, fields);

    private V2Request(HttpContext context, IResult unreadable) => (_context, _unreadable) = (context, unreadable);

    public ServiceAccount Account => ((ServiceAccountIdentity)_context.User.Identity!).Account;

    public RequestFields Fields => _fields ?? RequestFields.None;

    /// <summary>
    /// Gets the answer to a request that cannot be read, or that has a field that is not allowed; null if there is nothing wrong so far.
    /// </summary>
    public IResult? Refusal =>
        _unreadable ?? (Fields.Problem is { } problem ? V2Results.Failure(_context, StatusCodes.Status400BadRequest, problem) : null);

    public V2Json.Metadata Metadata => V2Results.MetadataOf(_context);

    /// <summary>Reads the body for an endpoint.</summary>
    public static async ValueTask<V2Request> BindAsync(HttpContext context)
    {
        if (!context.Request.HasJsonContentType())
        {
            return new V2Request(context, V2Results.Failure(
                context, StatusCodes.Status415UnsupportedMediaType, "The body must be JSON (Content-Type: application/json)."));
        }
        try
        {
            var document = await JsonDocument.ParseAsync(context.Request.Body, RequestFields.Reading, context.RequestAborted);
            context.Response.RegisterForDispose(document);
            if (JsonTexts.AreUnicode(document.RootElement)) return new V2Request(context, new RequestFields(document.RootElement));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: one of two equal names is not Unicode.
        }
        // Without the parser's message, which quotes the body: it may hold a code.
        return new V2Request(context, V2Results.Failure(
            context,
            StatusCodes.Status400BadRequest,
            $"The body must be a JSON object of at most {RequestFields.Reading.MaxDepth} levels, in UTF-8, "
                + "without duplicate names or unpaired surrogates."));
    }

    public IResult Failure(int status, string message) => V2Results.Failure(_context, status, message);
}
