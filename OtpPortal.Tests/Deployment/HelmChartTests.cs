using System.Text.RegularExpressions;
using k8s;
using k8s.Models;
using OtpPortal.Tests.Configuration;
using OtpPortal.Tests.Infrastructure;
using YamlDotNet.RepresentationModel;

namespace OtpPortal.Tests.Deployment;

/// <summary>The Helm chart in <c>deploy/helm</c>: its manifests, and a portal with the environment of its container.</summary>
[Collection(PackageCollection.Name)]
public sealed partial class HelmChartTests(HelmChart chart, PackageFixture package) : IClassFixture<HelmChart>
{
    private const string Minimum = """
        image:
          repository: ghcr.io/example/otpportal
        settings:
          PUBLIC_URL: https://login.example.com
          MAIL_TRANSPORT: mailbox
        secrets:
          AUTH_SECRET_KEY: 0123456789abcdef0123456789abcdef
          REDIS_URL_OTP: redis://redis:6379/0
          REDIS_URL_AUTH: redis://redis:6379/1

        """;

    private const string Everything = Minimum + """
        ingress:
          enabled: true
          className: nginx
          tlsSecretName: login-tls
          annotations:
            cert-manager.io/cluster-issuer: letsencrypt
        autoscaling:
          enabled: true
        networkPolicy:
          enabled: true
          from:
            - namespaceSelector:
                matchLabels:
                  kubernetes.io/metadata.name: ingress-nginx
        serviceAccount:
          annotations:
            eks.amazonaws.com/role-arn: arn:aws:iam::1:role/sms
        imagePullSecrets:
          - name: registry
        podAnnotations:
          example.com/team: identity
        nodeSelector:
          kubernetes.io/os: linux
        tolerations:
          - key: dedicated
            operator: Exists
        affinity:
          nodeAffinity:
            requiredDuringSchedulingIgnoredDuringExecution:
              nodeSelectorTerms:
                - matchExpressions:
                    - key: zone
                      operator: In
                      values: [a]

        """;

    private const string Embedded = """
        image:
          repository: ghcr.io/example/otpportal
        replicaCount: 1
        settings:
          PUBLIC_URL: https://login.example.com
          MAIL_TRANSPORT: mailbox
        secrets:
          AUTH_SECRET_KEY: 0123456789abcdef0123456789abcdef
        persistence:
          enabled: true
          storageClassName: fast

        """;

    [Fact]
    public void Has_the_version_of_the_portal()
    {
        var metadata = RepositoryRoot.Read("deploy", "helm", "otpportal", "Chart.yaml").Split('\n');

        metadata.ShouldContain($"version: {VersionTests.Prefix}");
        metadata.ShouldContain($"appVersion: \"{VersionTests.Prefix}\"");
    }

    [Fact]
    public async Task Creates_what_a_replicated_portal_needs() =>
        Kinds(await chart.ObjectsAsync(Minimum)).ShouldBe(
            ["ConfigMap", "Deployment", "PodDisruptionBudget", "Secret", "Service", "ServiceAccount"]);

    [Fact]
    public async Task Creates_optional_objects()
    {
        var objects = await chart.ObjectsAsync(Everything);

        Kinds(objects).ShouldBe(
            ["ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Ingress", "NetworkPolicy", "PodDisruptionBudget", "Secret", "Service",
                "ServiceAccount"]);
        var ingress = objects.OfType<V1Ingress>().Single();
        ingress.Spec.Rules.Single().Host.ShouldBe("login.example.com");
        ingress.Spec.Tls.Single().SecretName.ShouldBe("login-tls");
        var service = objects.OfType<V1Service>().Single();
        ingress.Spec.Rules[0].Http.Paths[0].Backend.Service.Name.ShouldBe(service.Metadata.Name);
        ingress.Spec.Rules[0].Http.Paths[0].Backend.Service.Port.Name.ShouldBe(service.Spec.Ports[0].Name);
        var deployment = objects.OfType<V1Deployment>().Single();
        deployment.Spec.Replicas.ShouldBeNull("the autoscaler decides");
        objects.OfType<V2HorizontalPodAutoscaler>().Single().Spec.ScaleTargetRef.Name.ShouldBe(deployment.Metadata.Name);
    }

    [Fact]
    public async Task Selectors_match_the_labels_of_the_pods()
    {
        var objects = await chart.ObjectsAsync(Everything);
        var labels = objects.OfType<V1Deployment>().Single().Spec.Template.Metadata.Labels;

        IDictionary<string, string>[] selectors =
        [
            objects.OfType<V1Deployment>().Single().Spec.Selector.MatchLabels,
            objects.OfType<V1Service>().Single().Spec.Selector,
            objects.OfType<V1PodDisruptionBudget>().Single().Spec.Selector.MatchLabels,
            objects.OfType<V1NetworkPolicy>().Single().Spec.PodSelector.MatchLabels,
        ];
        foreach (var selector in selectors)
        {
            selector.ShouldNotBeEmpty();
            selector.ShouldAllBe(label => labels.Contains(label));
        }
    }

    [Fact]
    public async Task The_pod_meets_the_restricted_security_standard()
    {
        var pod = (await chart.ObjectsAsync(Minimum)).OfType<V1Deployment>().Single().Spec.Template.Spec;
        var container = pod.Containers.Single();

        pod.SecurityContext.RunAsNonRoot.ShouldBe(true);
        pod.SecurityContext.SeccompProfile.Type.ShouldBe("RuntimeDefault");
        pod.AutomountServiceAccountToken.ShouldBe(false);
        container.SecurityContext.AllowPrivilegeEscalation.ShouldBe(false);
        container.SecurityContext.ReadOnlyRootFilesystem.ShouldBe(true);
        container.SecurityContext.Capabilities.Drop.ShouldBe(["ALL"]);
        // The COPY of /data in the Dockerfile names the same user.
        RepositoryRoot.Read("Dockerfile").ShouldContain($"--chown={pod.SecurityContext.RunAsUser}:{pod.SecurityContext.RunAsGroup} ");
        container.VolumeMounts.ShouldAllBe(mount => pod.Volumes.Any(volume => volume.Name == mount.Name));
        container.VolumeMounts.Where(mount => mount.ReadOnlyProperty != true).Select(mount => mount.MountPath).ShouldBe(["/data", "/tmp"]);
    }

    [Fact]
    public async Task The_pod_is_checked_and_has_time_to_stop()
    {
        var pod = (await chart.ObjectsAsync(Minimum)).OfType<V1Deployment>().Single().Spec.Template.Spec;
        var container = pod.Containers.Single();

        container.LivenessProbe.HttpGet.Path.ShouldBe("/healthz");
        container.StartupProbe.HttpGet.Path.ShouldBe("/healthz");
        container.ReadinessProbe.HttpGet.Path.ShouldBe("/readyz");
        foreach (var probe in (V1Probe[])[container.LivenessProbe, container.StartupProbe, container.ReadinessProbe])
        {
            probe.HttpGet.Port.Value.ShouldBe(container.Ports.Single().Name);
        }
        container.Ports.Single().ContainerPort.ShouldBe(3000);
        pod.TerminationGracePeriodSeconds!.Value.ShouldBeGreaterThan(25, "the shutdown of the portal");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_environment_of_the_container_starts_a_portal(bool usesRedis)
    {
        using var folder = new TemporaryFolder();
        var (otp, auth) = RedisServer.NewDatabases();
        var objects = await chart.ObjectsAsync((usesRedis ? Minimum : Embedded)
            .Replace("redis://redis:6379/0", RedisServer.Shared.Url(otp), StringComparison.Ordinal)
            .Replace("redis://redis:6379/1", RedisServer.Shared.Url(auth), StringComparison.Ordinal));

        using var portal = await DeployedPortal.StartAsync([package.Program], Environment(objects, folder.Path), folder.Path);

        await portal.SignInAsync();
        portal.Log.ShouldContain("is ready on https://login.example.com");
        portal.Log.Contains("codes: embedded", StringComparison.Ordinal).ShouldBe(!usesRedis);
        Directory.Exists(Path.Combine(folder.Path, "data")).ShouldBe(!usesRedis);
    }

    [Fact]
    public async Task A_secret_is_a_file_and_not_in_the_environment()
    {
        var objects = await chart.ObjectsAsync(Minimum);

        var container = objects.OfType<V1Deployment>().Single().Spec.Template.Spec.Containers.Single();
        container.Env.Select(variable => variable.Name)
            .ShouldBe(["ASPNETCORE_ENVIRONMENT", "PORT", "DATA_DIR", "AUTH_SECRET_KEY_FILE", "REDIS_URL_AUTH_FILE", "REDIS_URL_OTP_FILE"]);
        objects.OfType<V1ConfigMap>().Single().Data.Keys.ShouldBe(["MAIL_TRANSPORT", "PUBLIC_URL"], ignoreOrder: true);
    }

    [Fact]
    public async Task A_secret_that_exists_is_used_instead()
    {
        var objects = await chart.ObjectsAsync(Minimum[..Minimum.IndexOf("secrets:", StringComparison.Ordinal)] + """
            existingSecret:
              name: portal
              keys: [REDIS_URL_OTP, REDIS_URL_AUTH, AUTH_SECRET_KEY]

            """);

        Kinds(objects).ShouldNotContain("Secret");
        var pod = objects.OfType<V1Deployment>().Single().Spec.Template.Spec;
        pod.Volumes.Single(volume => volume.Name == "secrets").Secret.SecretName.ShouldBe("portal");
        pod.Containers.Single().Env.ShouldContain(variable => variable.Name == "REDIS_URL_OTP_FILE");
    }

    [Fact]
    public async Task A_changed_setting_starts_new_pods()
    {
        var pods = await Task.WhenAll(((string[])[Minimum, Minimum, Minimum.Replace("mailbox", "smtp", StringComparison.Ordinal),
            Minimum.Replace("abcdef", "abcde0", StringComparison.Ordinal)]).Select(async values =>
                string.Join(' ', (await chart.ObjectsAsync(values)).OfType<V1Deployment>().Single().Spec.Template.Metadata.Annotations.Values)));

        pods[1].ShouldBe(pods[0]);
        pods.Distinct().Count().ShouldBe(3);
    }

    [Theory]
    [InlineData("  repository: ghcr.io/example/otpportal", "  repository: \"\"", "image.repository")]
    [InlineData("https://login.example.com", "login.example.com", "settings.PUBLIC_URL")]
    [InlineData("  MAIL_TRANSPORT: mailbox", "  OTP_CODE_LENGTH: 8", "OTP_CODE_LENGTH")]
    [InlineData("  MAIL_TRANSPORT: mailbox", "  DATA_DIR: /var", "The chart sets DATA_DIR.")]
    [InlineData("  MAIL_TRANSPORT: mailbox", "replicas: 3", "replicas")]
    [InlineData("  AUTH_SECRET_KEY: 0123456789abcdef0123456789abcdef\n", "", "AUTH_SECRET_KEY is required")]
    [InlineData("  REDIS_URL_OTP: redis://redis:6379/0\n", "", "Several replicas need Redis")]
    [InlineData("  REDIS_URL_OTP: redis://redis:6379/0\n", "replicaCount: 1\n", "Without Redis, sign-ins are lost")]
    [InlineData("image:", "networkPolicy:\n  enabled: true\nimage:", "networkPolicy.from is required")]
    public async Task Values_that_cannot_work_are_refused_with_the_reason(string what, string with, string message)
    {
        Minimum.ShouldContain(what);
        // A setting that is removed may leave its successor in the wrong map, so these values close the map first.
        var values = with.StartsWith("replica", StringComparison.Ordinal)
            ? Minimum.Replace(what, what.StartsWith("  MAIL", StringComparison.Ordinal) ? what : "", StringComparison.Ordinal) + with
            : Minimum.Replace(what, with, StringComparison.Ordinal);

        var (code, _, errors) = await chart.RenderAsync(values);

        code.ShouldBe(1);
        errors.ShouldContain(message);
    }

    [Fact]
    public void The_schema_describes_every_value()
    {
        var schema = System.Text.Json.JsonDocument.Parse(RepositoryRoot.Read("deploy", "helm", "otpportal", "values.schema.json"));
        var yaml = new YamlStream();
        yaml.Load(new StringReader(RepositoryRoot.Read("deploy", "helm", "otpportal", "values.yaml")));

        ((YamlMappingNode)yaml.Documents[0].RootNode).Select(value => value.Key.ToString())
            .ShouldBe(schema.RootElement.GetProperty("properties").EnumerateObject().Select(value => value.Name).Where(name => name != "global"),
                ignoreOrder: true);
    }

    [Fact]
    public async Task The_values_of_the_documentation_are_valid()
    {
        var values = DocumentedValues().Match(RepositoryRoot.Read("docs", "deployment.md"));
        values.Success.ShouldBeTrue();

        Kinds(await chart.ObjectsAsync(values.Groups["values"].Value)).ShouldContain("Ingress");
    }

    private static IEnumerable<string> Kinds(IEnumerable<IKubernetesObject> objects) =>
        objects.Select(o => o.Kind).Order(StringComparer.Ordinal);

    // What the kubelet gives the container, with the paths of the container in a directory.
    private static Dictionary<string, string> Environment(IReadOnlyList<IKubernetesObject> objects, string folder)
    {
        var pod = objects.OfType<V1Deployment>().Single().Spec.Template.Spec;
        var container = pod.Containers.Single();
        var environment = new Dictionary<string, string>(objects.OfType<V1ConfigMap>().Single().Data, StringComparer.Ordinal);
        foreach (var variable in container.Env) environment[variable.Name] = variable.Value;
        var secrets = pod.Volumes.Single(volume => volume.Name == "secrets").Secret;
        secrets.SecretName.ShouldBe(objects.OfType<V1Secret>().Single().Metadata.Name);
        var mount = container.VolumeMounts.Single(mount => mount.Name == "secrets").MountPath;
        foreach (var item in secrets.Items)
            File.WriteAllText(Path.Combine(folder, item.Path), objects.OfType<V1Secret>().Single().StringData[item.Key]);
        return environment.ToDictionary(
            variable => variable.Key, variable => variable.Value
                .Replace(mount, folder, StringComparison.Ordinal).Replace("/data", Path.Combine(folder, "data"), StringComparison.Ordinal),
            StringComparer.Ordinal);
    }

    [GeneratedRegex("```yaml\n(?<values># values.yaml\n.*?)```", RegexOptions.Singleline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex DocumentedValues();
}
