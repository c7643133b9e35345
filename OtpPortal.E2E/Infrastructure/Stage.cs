namespace OtpPortal.E2E.Infrastructure;

/// <summary>The fixture of a test class: a portal with its stores, and a browser. Subclasses change settings.</summary>
public class Stage : IAsyncLifetime
{
    /// <summary>Gets the Redis server, or null if the portal uses the embedded store.</summary>
    public RedisServer? Redis { get; private set; }

    public PortalProcess Portal { get; protected set; } = null!;

    public IBrowser Browser { get; private set; } = null!;

    protected virtual bool UsesEmbeddedStore => false;

    protected virtual IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>();

    public virtual async Task InitializeAsync()
    {
        var settings = new Dictionary<string, string>(Settings, StringComparer.Ordinal);
        if (!UsesEmbeddedStore)
        {
            Redis = new RedisServer();
            await Redis.StartAsync();
            settings["REDIS_URL_OTP"] = Redis.Url(0);
            settings["REDIS_URL_AUTH"] = Redis.Url(1);
        }
        await StartPortalAsync(settings);
        Browser = await Chromium.RentAsync();
    }

    public virtual async Task DisposeAsync()
    {
        if (Browser is not null) await Chromium.ReturnAsync();
        if (Portal is not null) await Portal.DisposeAsync();
        if (Redis is not null) await Redis.DisposeAsync();
    }

    protected virtual async Task StartPortalAsync(IReadOnlyDictionary<string, string> settings)
    {
        Portal = new PortalProcess(settings);
        await Portal.StartAsync();
    }
}

/// <summary>A portal with default settings that test classes share.</summary>
[CollectionDefinition(Name)]
public sealed class DefaultPortal : ICollectionFixture<DefaultStage>
{
    public const string Name = "the portal with its defaults";
}

/// <summary>A second shared portal, so that test classes can run in parallel.</summary>
[CollectionDefinition(Name)]
public sealed class SecondPortal : ICollectionFixture<DefaultStage>
{
    public const string Name = "a second portal with the defaults";
}

/// <summary>
/// Default settings, except a resend cooldown of two seconds and redirects to apps on localhost.
/// </summary>
public sealed class DefaultStage : Stage
{
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["OTP_RESEND_COOLDOWN"] = "2",
        ["ALLOWED_REDIRECTS"] = "localhost",
    };
}
