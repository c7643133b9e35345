namespace OtpPortal.Tests.Infrastructure;

/// <summary>The root directory of the repository.</summary>
internal static class RepositoryRoot
{
    public static string Path { get; } = Find();

    public static string Read(params string[] parts) => File.ReadAllText(System.IO.Path.Combine([Path, .. parts]));

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(System.IO.Path.Combine(folder.FullName, "OtpPortal.sln"))) folder = folder.Parent!;
        return folder.FullName;
    }
}
