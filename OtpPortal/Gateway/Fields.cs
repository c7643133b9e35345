using Microsoft.Extensions.Primitives;

namespace OtpPortal.Gateway;

/// <summary>The fields of a request: those of the form and, as in otpgateway, those of the query that the form does not have.</summary>
internal sealed class Fields(IFormCollection form, IQueryCollection query)
{
    private string? _problem;

    /// <summary>Reads the fields for an endpoint.</summary>
    public static async ValueTask<Fields> BindAsync(HttpContext context)
    {
        var request = context.Request;
        try
        {
            if (request.HasFormContentType) return new Fields(await request.ReadFormAsync(context.RequestAborted), request.Query);
        }
        catch (Exception e) when (e is InvalidDataException or IOException and not BadHttpRequestException)
        {
            return Unreadable("The form is invalid.");
        }
        // A body that is not a form is ignored. Without a query, its sender meant it as fields.
        return request.Query.Count == 0 && (request.ContentLength > 0 || request.Headers.TransferEncoding.Count > 0)
            ? Unreadable("The body must be a form: application/x-www-form-urlencoded or multipart/form-data.")
            : new Fields(FormCollection.Empty, request.Query);
    }

    /// <summary>
    /// Reads a field's value, which is empty if the field is missing. Returns false if the body cannot be read or the field was sent more
    /// than once, because two readers could take different values.
    /// </summary>
    public bool TryOne(string name, out string value, out string complaint)
    {
        value = "";
        complaint = _problem ?? "";
        if (_problem is not null) return false;
        var values = form.TryGetValue(name, out var posted) ? posted : query.TryGetValue(name, out var asked) ? asked : StringValues.Empty;
        value = values.Count > 0 ? values[0] ?? "" : "";
        if (values.Count > 1) complaint = $"`{name}` was sent more than once.";
        return values.Count <= 1;
    }

    private static Fields Unreadable(string problem) => new(FormCollection.Empty, QueryCollection.Empty) { _problem = problem };
}
