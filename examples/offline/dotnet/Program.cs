// Verifies a JWT from the portal's GET /token with OtpPortal.Client. Without OpenSSL 3 (Windows, macOS), request
// GET /token?alg=RS256.
//
//   dotnet run --project examples/offline/dotnet -- PORTAL AUDIENCE [TOKEN]
//
// Without TOKEN, reads it from standard input. Prints the email address and exits with code 0, or prints the reason and exits with code 1.

using OtpPortal.Client;

try
{
    if (args is not [var portal, var audience, ..] || args.Length > 3 || !Uri.TryCreate(portal, UriKind.Absolute, out var url))
        return Refuse("usage: verify PORTAL AUDIENCE [TOKEN]");
    var token = args.Length == 3 ? args[2] : await Console.In.ReadToEndAsync();

    using var http = new HttpClient(OtpPortalClient.CreateHandler());
    // A long-running program should use one instance for all tokens, because it caches the keys.
    var validator = new PortalTokenValidator(http, new PortalTokenOptions { Url = url, Audience = audience }, TimeProvider.System);
    switch (await validator.ValidateAsync(token.Trim()))
    {
        case TokenValidation.Valid(var email, _, _, _):
            Console.WriteLine(email);
            return 0;
        case TokenValidation.Invalid(var reason):
            return Refuse(reason);
        default:
            return Refuse("This program is older than the library.");
    }
}
catch (Exception e) when (e is OtpPortalException or ArgumentException)
{
    return Refuse(e.Message);
}

static int Refuse(string reason)
{
    Console.Error.WriteLine("The token is not accepted: " + reason.ReplaceLineEndings(" "));
    return 1;
}
