namespace OtpPortal.E2E.Infrastructure;

/// <summary>
/// The repository that these tests were built from, which has the build of the portal and the tested files.
/// </summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "OtpPortal.sln")))
        {
            folder = folder.Parent
                ?? throw new InvalidOperationException("The tests are not inside the solution's folder; set PORTAL_DLL.");
        }
        return folder.FullName;
    }
}
