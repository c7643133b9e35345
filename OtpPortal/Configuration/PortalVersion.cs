using System.Reflection;

namespace OtpPortal.Configuration;

/// <summary>The version of this build, from Directory.Build.props.</summary>
internal static class PortalVersion
{
    /// <summary>The argument that prints the version.</summary>
    public const string Argument = "--version";

    /// <summary>Gets the version with the commit if git was there when it was built, such as <c>1.0.0+0123abc…</c> (SemVer 2.0).</summary>
    public static string Text { get; } =
        typeof(PortalVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
}
