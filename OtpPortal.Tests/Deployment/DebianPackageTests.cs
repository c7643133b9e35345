using System.Net.Sockets;
using System.Text;
using OtpPortal.Tests.Client;
using OtpPortal.Tests.Configuration;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Deployment;

/// <summary>The packages of <c>deploy/package.sh</c> and the systemd unit in them.</summary>
[Collection(PackageCollection.Name)]
public sealed class DebianPackageTests(PackageFixture package)
{
    private static readonly string s_unitFile = Path.Combine(RepositoryRoot.Path, "deploy", "otpportal.service");

    [Fact]
    public async Task Names_its_version_and_architecture()
    {
        (await FieldAsync("Package")).ShouldBe("otpportal");
        (await FieldAsync("Version")).ShouldBe(VersionTests.Prefix);
        (await FieldAsync("Architecture")).ShouldBe(PackageFixture.Architecture);
        (await PackageFixture.RunAsync(package.Program, "--version")).ShouldStartWith(VersionTests.Prefix);
    }

    [Fact]
    public async Task Contains_program_unit_user_settings_and_licence_owned_by_root()
    {
        var files = (await PackageFixture.RunAsync("dpkg-deb", "--contents", package.Debian))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .ToDictionary(cells => cells[5], cells => (Mode: cells[0], Owner: cells[1]), StringComparer.Ordinal);

        files["./usr/lib/otpportal/OtpPortal"].Mode.ShouldBe("-rwxr-xr-x");
        files["./etc/otpportal/otpportal.env"].Mode.ShouldBe("-rw-r-----", "the file may contain secrets");
        foreach (var file in (string[])["usr/lib/systemd/system/otpportal.service", "usr/lib/sysusers.d/otpportal.conf",
            "usr/share/doc/otpportal/copyright", "usr/share/doc/otpportal/env.sample"])
        {
            files["./" + file].Mode.ShouldBe("-rw-r--r--", file);
        }
        files.Values.Select(file => file.Owner).Distinct().ShouldBe(["root/root"]);
        files.Keys.ShouldNotContain(name => name.EndsWith("/.env", StringComparison.Ordinal));
        (await PackageFixture.RunAsync("dpkg-deb", "--info", package.Debian, "conffiles")).ShouldBe("/etc/otpportal/otpportal.env\n");
    }

    [Fact]
    public async Task The_tarball_has_the_same_files()
    {
        var inTarball = (await PackageFixture.RunAsync("tar", "--list", "--file", package.Tarball)).Split('\n');
        var inPackage = (await PackageFixture.RunAsync("dpkg-deb", "--contents", package.Debian)).Split('\n')
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries).LastOrDefault(""));

        inTarball.Order(StringComparer.Ordinal).ShouldBe(inPackage.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Starts_as_the_unit_says_signs_a_user_in_and_tells_systemd()
    {
        using var folder = new TemporaryFolder();
        var unit = Unit();
        unit["Type"].Single().ShouldBe("notify");
        var path = Path.Combine(folder.Path, "notify");
        using var notifications = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        notifications.Bind(new UnixDomainSocketEndPoint(path));
        var state = Directory.CreateDirectory(Path.Combine(folder.Path, "state")).FullName;
        var credentials = Directory.CreateDirectory(Path.Combine(folder.Path, "credentials")).FullName;
        await RunPostinstAsync(folder.Path);
        File.Copy(Path.Combine(folder.Path, "etc", "auth-secret-key"), Path.Combine(credentials, "auth-secret-key"));
        var environment = Environment(unit).ToDictionary(
            setting => setting.Key, setting => setting.Value
                .Replace("/var/lib/otpportal", state, StringComparison.Ordinal).Replace("%d", credentials, StringComparison.Ordinal),
            StringComparer.Ordinal);
        environment["NOTIFY_SOCKET"] = path;
        // What an operator adds to otpportal.env to try it out.
        environment["MAIL_TRANSPORT"] = "mailbox";

        using var portal = await DeployedPortal.StartAsync(
            ["/usr/bin/python3", Path.Combine(RepositoryRoot.Path, "OtpPortal.Tests", "Deployment", "confined.py"), s_unitFile,
                package.Root + unit["ExecStart"].Single()],
            environment, state);
        await portal.SignInAsync();
        (await portal.TerminateAsync()).ShouldBe(0, portal.Log);

        Notifications(notifications).ShouldBe(["READY=1", "STOPPING=1"]);
        portal.Log.ShouldContain("<6>OtpPortal.StartupMessage", customMessage: "the journal's levels");
        Directory.EnumerateFileSystemEntries(state).ShouldNotBeEmpty("the embedded store");
    }

    [Fact]
    public async Task The_unit_is_valid_and_confined()
    {
        using var folder = new TemporaryFolder();
        // The program and the user exist only where the package is installed.
        var unit = Path.Combine(folder.Path, "otpportal.service");
        await File.WriteAllTextAsync(
            unit, (await File.ReadAllTextAsync(s_unitFile)).Replace("/usr/lib/otpportal/OtpPortal", "/bin/true", StringComparison.Ordinal));

        var (code, output, errors) = await ExampleProgram.RunAsync(ExampleProgram.Start("systemd-analyze", "verify", unit), "");
        code.ShouldBe(0, output + errors);
        errors.ShouldNotContain(unit);
        // The threshold is ten times the exposure.
        await PackageFixture.RunAsync("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15", unit);
    }

    [Fact]
    public async Task Creates_the_user_of_the_unit()
    {
        using var folder = new TemporaryFolder();
        var users = Directory.CreateDirectory(Path.Combine(folder.Path, "usr", "lib", "sysusers.d")).FullName;
        Directory.CreateDirectory(Path.Combine(folder.Path, "etc"));
        File.Copy(Path.Combine(package.Root, "usr/lib/sysusers.d/otpportal.conf"), Path.Combine(users, "otpportal.conf"));

        await PackageFixture.RunAsync("systemd-sysusers", "--root=" + folder.Path, "otpportal.conf");

        var user = Unit()["User"].Single();
        (await File.ReadAllLinesAsync(Path.Combine(folder.Path, "etc", "passwd")))
            .ShouldContain(line => line.StartsWith(user + ":", StringComparison.Ordinal) && line.EndsWith(":/usr/sbin/nologin"));
    }

    [Fact]
    public async Task The_installation_creates_a_key_once()
    {
        using var folder = new TemporaryFolder();
        await RunPostinstAsync(folder.Path);
        var file = Path.Combine(folder.Path, "etc", "auth-secret-key");
        var key = await File.ReadAllTextAsync(file);

        await RunPostinstAsync(folder.Path);

        key.ShouldMatch("^[0-9a-f]{64}$");
        (await File.ReadAllTextAsync(file)).ShouldBe(key);
        File.GetUnixFileMode(file).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Theory]
    [InlineData("postinst")]
    [InlineData("prerm")]
    [InlineData("postrm")]
    public async Task Its_scripts_have_no_syntax_errors(string script) =>
        await PackageFixture.RunAsync("sh", "-n", Path.Combine(RepositoryRoot.Path, "deploy", "debian", script));

    [Fact]
    public async Task Reports_an_unknown_architecture()
    {
        var (code, _, errors) = await ExampleProgram.RunAsync(
            ExampleProgram.Start(Path.Combine(RepositoryRoot.Path, "deploy", "package.sh"), "mips"), "");

        code.ShouldBe(1);
        errors.ShouldBe("The architecture must be amd64 or arm64, but is \"mips\".\n");
    }

    // Runs the package's script in a directory instead of /etc/otpportal, without systemd.
    private async Task RunPostinstAsync(string folder)
    {
        Directory.CreateDirectory(Path.Combine(folder, "etc"));
        var script = (await PackageFixture.RunAsync("dpkg-deb", "--info", package.Debian, "postinst"))
            .Replace("/etc/otpportal", Path.Combine(folder, "etc"), StringComparison.Ordinal)
            .Replace("systemd-sysusers otpportal.conf", ":", StringComparison.Ordinal)
            .Replace("/run/systemd/system", Path.Combine(folder, "no-systemd"), StringComparison.Ordinal);
        await PackageFixture.RunAsync("sh", "-c", script, "postinst", "configure");
    }

    private async Task<string> FieldAsync(string name) =>
        (await PackageFixture.RunAsync("dpkg-deb", "--field", package.Debian, name)).TrimEnd();

    private static ILookup<string, string> Unit() => File.ReadLines(s_unitFile)
        .Where(line => line.Contains('=', StringComparison.Ordinal) && line[0] != '#')
        .Select(line => line.Split('=', 2))
        .ToLookup(setting => setting[0], setting => setting[1], StringComparer.Ordinal);

    // EnvironmentFile overrides Environment.
    private Dictionary<string, string> Environment(ILookup<string, string> unit)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal);
        var settings = unit["Environment"].SelectMany(line => line.Split(' ')).Concat(
            File.ReadLines(package.Root + unit["EnvironmentFile"].Single()).Where(line => line.Length > 0 && line[0] != '#'));
        foreach (var setting in settings.Select(setting => setting.Split('=', 2))) environment[setting[0]] = setting[1];
        return environment;
    }

    private static List<string> Notifications(Socket socket)
    {
        var messages = new List<string>();
        var buffer = new byte[1000];
        while (socket.Available > 0) messages.Add(Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer)));
        return messages;
    }
}
