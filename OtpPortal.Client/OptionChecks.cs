using System.Globalization;
using Microsoft.Extensions.Options;

namespace OtpPortal.Client;

/// <summary>Validates options. Each error names the option and the allowed values, and contains no secret.</summary>
internal static class OptionChecks
{
    public static ValidateOptionsResult ToResult(IEnumerable<string> complaints) =>
        complaints.ToList() is { Count: > 0 } all ? ValidateOptionsResult.Fail(all) : ValidateOptionsResult.Success;

    /// <summary>Throws if there are errors. For options passed to a constructor, which are not validated at startup.</summary>
    public static void ThrowIfAny(IEnumerable<string> complaints, string parameter)
    {
        var all = string.Join(' ', complaints);
        if (all.Length > 0) throw new ArgumentException(all, parameter);
    }

    public static IEnumerable<string> Origin(string name, Uri? url, bool isNeeded)
    {
        const string Allowed = "an http or https URL without a path, such as https://login.example.com.";
        if (url is null)
        {
            if (isNeeded) yield return $"{name} must be {Allowed}";
        }
        else if (!url.IsAbsoluteUri || (url.Scheme != Uri.UriSchemeHttp && url.Scheme != Uri.UriSchemeHttps) || url.Host.Length == 0)
        {
            yield return $"{name} must be {Allowed}";
        }
        else if (url.AbsolutePath != "/" || url.Query.Length > 0 || url.Fragment.Length > 0 || url.UserInfo.Length > 0)
        {
            yield return $"{name} must be {Allowed}";
        }
    }

    public static IEnumerable<string> Credential(string name, string? value)
    {
        if (value is not null && (value.Length == 0 || !value.All(c => c is > ' ' and <= '~')))
        {
            yield return $"{name} must be visible ASCII characters, or null if it is not used.";
        }
    }

    public static IEnumerable<string> Namespace(string nameOption, string? name, string secretOption, string? secret)
    {
        if (name is null != secret is null)
        {
            yield return $"{(name is null ? nameOption : secretOption)} is missing. A namespace needs a name and a secret.";
        }
        if (name is not null && (name.Length == 0 || name.Any(c => c == ':' || char.IsControl(c))))
        {
            yield return $"{nameOption} must not be empty or contain colons or control characters.";
        }
        if (secret is not null && (secret.Length == 0 || secret.Any(char.IsControl)))
        {
            yield return $"{secretOption} must not be empty or contain control characters.";
        }
    }

    public static IEnumerable<string> Between(string name, TimeSpan value, TimeSpan least, TimeSpan most)
    {
        if (value < least || value > most)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"{name} must be between {least} and {most}, but is {value}.");
        }
    }
}
