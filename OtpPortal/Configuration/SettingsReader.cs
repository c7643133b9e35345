using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Configuration.CommandLine;
using Microsoft.Extensions.Configuration.EnvironmentVariables;
using Microsoft.Extensions.Configuration.Json;
using Microsoft.Extensions.Configuration.KeyPerFile;

namespace OtpPortal.Configuration;

/// <summary>Reads settings by name and collects the errors, so that one start reports them all. An empty value counts as not set.</summary>
public sealed class SettingsReader
{
    private const int MaxFileLength = 64 * 1024;

    private readonly IConfiguration _configuration;
    private readonly Dictionary<Type, object> _read = [];
    private readonly Dictionary<string, string?> _files = new(StringComparer.Ordinal);
    private readonly List<string> _errors = [];

    public SettingsReader(IConfiguration configuration, bool isProduction, string rootDirectory)
    {
        (_configuration, IsProduction, RootDirectory) = (configuration, isProduction, rootDirectory);
        foreach (var provider in Providers.OfType<EnvFileConfigurationProvider>()) _errors.AddRange(provider.Errors);
    }

    /// <summary>Gets false in Development alone: elsewhere the stricter rules hold.</summary>
    public bool IsProduction { get; }

    /// <summary>Gets the folder that relative paths start from.</summary>
    public string RootDirectory { get; }

    public IReadOnlyList<string> Errors => _errors;

    /// <summary>Gets the names that are set, for families such as <c>LIMIT_…</c>.</summary>
    public IEnumerable<string> Names => _configuration.AsEnumerable()
        .Where(setting => !string.IsNullOrWhiteSpace(setting.Value))
        .Select(setting => setting.Key.Replace(ConfigurationPath.KeyDelimiter, "__", StringComparison.Ordinal));

    private IEnumerable<IConfigurationProvider> Providers => (_configuration as IConfigurationRoot)?.Providers ?? [];

    /// <summary>Returns a feature's settings, read once.</summary>
    public TSettings Get<TSettings>()
        where TSettings : class, ISettings<TSettings>
    {
        if (_read.TryGetValue(typeof(TSettings), out var known)) return (TSettings)known;
        var settings = TSettings.Read(this);
        _read[typeof(TSettings)] = settings;
        return settings;
    }

    public string? Text(string name) => Raw(name) is { } value && !string.IsNullOrWhiteSpace(value) ? value.Trim() : null;

    /// <summary>Returns a secret: the value of the setting, or the content of the file that <c>NAME_FILE</c> names.</summary>
    public string? Secret(string name)
    {
        var fileSetting = name + "_FILE";
        if (Text(fileSetting) is not { } path) return Text(name);
        if (Text(name) is not null)
        {
            if (_files.TryAdd(fileSetting, null)) AddError($"{name} and {fileSetting} are both set. Set only one of them.");
            return null;
        }
        if (!_files.TryGetValue(fileSetting, out var content))
        {
            _files[fileSetting] = content = ReadFile(fileSetting, Path.Combine(RootDirectory, path));
        }
        return content;
    }

    public string Text(string name, string fallback) => Text(name) ?? fallback;

    /// <summary>One line of text without control characters, for what ends up in headers and pages.</summary>
    public string Line(string name, string fallback, int maxLength)
    {
        var text = Text(name, fallback);
        if (text.Length <= maxLength && !text.Any(char.IsControl)) return text;
        AddError(name, text, $"one line of at most {maxLength} characters");
        return fallback;
    }

    public int Integer(string name, int fallback, int min, int max, string unit = "")
    {
        var text = Text(name);
        if (text is null) return fallback;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max)
        {
            return number;
        }
        AddError(name, text, unit.Length > 0 ? $"between {min} and {max} {unit}" : $"a whole number between {min} and {max}");
        return fallback;
    }

    public TimeSpan Seconds(string name, int fallback, int min, int max) =>
        TimeSpan.FromSeconds(Integer(name, fallback, min, max, "seconds"));

    public bool Flag(string name, bool fallback = false)
    {
        var text = Text(name);
        switch (text?.ToUpperInvariant())
        {
            case null: return fallback;
            case "TRUE" or "1" or "YES" or "ON": return true;
            case "FALSE" or "0" or "NO" or "OFF": return false;
            default:
                AddError(name, text, "true or false");
                return fallback;
        }
    }

    public string? OneOf(string name, params ReadOnlySpan<string> allowed)
    {
        var text = Text(name);
        if (text is null) return null;
        foreach (var choice in allowed)
        {
            if (string.Equals(choice, text, StringComparison.OrdinalIgnoreCase)) return choice;
        }
        AddError(name, text, $"{string.Join(", ", allowed[..^1].ToArray())} or {allowed[^1]}");
        return null;
    }

    /// <summary>An absolute http or https address, its host in ASCII (RFC 5891), as it goes into headers.</summary>
    public Uri? WebAddress(string name, string? fallback)
    {
        var text = Text(name) ?? fallback;
        if (text is null) return null;
        if (Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            && uri is { UserInfo: "", Fragment: "" } && uri.Host.Length > 0)
        {
            return WithAsciiHost(uri);
        }
        AddError(name, WithoutPassword(text), "an absolute http:// or https:// URL without user name or fragment");
        return null;
    }

    /// <summary>The same address with the host as browsers send it: <c>xn--bcher-kva.example</c> for <c>bücher.example</c>.</summary>
    public static Uri WithAsciiHost(Uri address) =>
        address.HostNameType == UriHostNameType.Dns && address.Host != address.IdnHost
            ? new UriBuilder(address) { Host = address.IdnHost }.Uri
            : address;

    /// <summary>Reads an IP address, but not its shortened, octal and hexadecimal forms: with them, a typo can be an address too.</summary>
    public static bool TryReadAddress(string text, [NotNullWhen(true)] out IPAddress? address) =>
        IPAddress.TryParse(text, out address) && (address.AddressFamily == AddressFamily.InterNetworkV6 || address.ToString() == text);

    /// <summary>Returns the parts of a comma-separated value, or the elements of an array in <c>appsettings.json</c>.</summary>
    public IReadOnlyList<string> List(string name) => Split(Text(name) ?? JsonArray(name));

    /// <inheritdoc cref="Secret"/>
    public IReadOnlyList<string> SecretList(string name) => Split(Secret(name) ?? JsonArray(name));

    /// <summary>Adds an error: one sentence that names the setting and what to do.</summary>
    public void AddError(string error) => _errors.Add(error);

    /// <summary>Adds the error that a value is not allowed. Not for secrets, whose values are never printed.</summary>
    /// <param name="allowed">What the setting must be, such as "true or false".</param>
    public void AddError(string name, string value, string allowed) =>
        AddError($"{name} must be {allowed}, but is \"{Printable(value)}\"{(SourceOf(name) is { } source ? $" ({source})" : "")}.");

    private string? JsonArray(string name) =>
        _configuration.GetSection(name).GetChildren().Select(item => item.Value).ToList() is { Count: > 0 } items
            ? string.Join(',', items)
            : null;

    private static string[] Split(string? text) =>
        text?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [];

    // The environment's provider turns __ into the delimiter of sections.
    private string? Raw(string name) => _configuration[name] ?? _configuration[SectionOf(name)];

    private static string SectionOf(string name) => name.Replace("__", ConfigurationPath.KeyDelimiter, StringComparison.Ordinal);

    private string? SourceOf(string name) =>
        Providers.Reverse().FirstOrDefault(provider => provider.TryGet(name, out _) || provider.TryGet(SectionOf(name), out _)) switch
        {
            EnvFileConfigurationProvider => ".env",
            JsonConfigurationProvider { Source.Path: { } file } => file == "secrets.json" ? "user secrets" : file,
            KeyPerFileConfigurationProvider => "/run/secrets/" + name,
            EnvironmentVariablesConfigurationProvider => "environment",
            CommandLineConfigurationProvider => "command line",
            _ => null,
        };

    private string? ReadFile(string setting, string path)
    {
        try
        {
            if (new FileInfo(path).Length > MaxFileLength) AddError(setting, path, "a file of at most 64 KB");
            else if (File.ReadAllText(path).Trim() is { Length: > 0 } content) return content;
            else AddError(setting, path, "a file that contains the secret");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            AddError(setting, path, "a readable file");
        }
        return null;
    }

    private static string WithoutPassword(string address)
    {
        var at = address.LastIndexOf('@');
        var slashes = address.IndexOf("//", StringComparison.Ordinal);
        var start = slashes < 0 ? 0 : slashes + 2;
        var colon = start < at ? address.IndexOf(':', start, at - start) : -1;
        return colon < 0 ? address : $"{address[..colon]}:…{address[at..]}";
    }

    private static string Printable(string value)
    {
        var line = new string([.. value.Select(c => char.IsControl(c) ? '\uFFFD' : c)]);
        return line.Length <= 100 ? line : line[..100] + "…";
    }
}
