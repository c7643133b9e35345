namespace OtpPortal.E2E.Infrastructure;

/// <summary>
/// The sources that these tests were built from: the program's build is there, and the files that are tested as they are.
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
