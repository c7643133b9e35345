namespace OtpPortal.Configuration;

/// <summary>Adds the settings of a <c>.env</c> file, if it exists.</summary>
internal sealed class EnvFileConfigurationSource(string path) : IConfigurationSource
{
    public IConfigurationProvider Build(IConfigurationBuilder builder) => new EnvFileConfigurationProvider(path);
}

/// <summary>The settings of a <c>.env</c> file.</summary>
internal sealed class EnvFileConfigurationProvider(string path) : ConfigurationProvider
{
    private readonly List<string> _errors = [];

    /// <summary>Gets one error for each malformed line of the file.</summary>
    public IReadOnlyList<string> Errors => _errors;

    public override void Load()
    {
        _errors.Clear();
        try
        {
            Data = File.Exists(path)
                ? EnvFile.Parse(File.ReadAllText(path), ".env", _errors)
                : new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _errors.Add($".env cannot be read: {e.Message}");
        }
    }
}
