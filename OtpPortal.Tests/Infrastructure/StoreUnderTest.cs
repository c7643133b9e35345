using OtpPortal.Security;
using OtpPortal.Sessions;
using OtpPortal.Storage;
using OtpPortal.Storage.Embedded;
using StackExchange.Redis;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>The two stores without a portal. Derived classes provide each kind of store.</summary>
public abstract class StoreUnderTest : IAsyncLifetime
{
    private ConnectionMultiplexer _reader = null!;
    private RedisAddress _otp = null!;
    private RedisAddress _auth = null!;

    public Stores Stores { get; private set; } = null!;

    public FakeClock Clock { get; } = new();

    public AuthSecret Secret { get; } = new(PortalHost.Secret);

    public async Task InitializeAsync()
    {
        var (otp, auth) = await OpenAsync();
        (_otp, _auth) = (otp, auth);
        Stores = OpenConnections();
        var options = auth.ToOptions("tests", new RedisTopology(IsCluster, auth.EndPoints));
        options.AllowAdmin = true;
        _reader = await ConnectionMultiplexer.ConnectAsync(options);
    }

    public async Task DisposeAsync()
    {
        _reader.Dispose();
        Stores.Dispose();
        await CloseAsync();
    }

    /// <summary>Opens the connections of another replica, or returns null for the single-process embedded store.</summary>
    public Stores? OpenReplica() => HasReplicas ? OpenConnections() : null;

    /// <summary>Opens further connections of the same process.</summary>
    public Stores OpenConnections() => new(RedisStore.Connect("otp", _otp), RedisStore.Connect("auth", _auth), null);

    /// <summary>Creates a session index for this store.</summary>
    internal SessionIndex SessionIndex => new(Stores);

    /// <summary>Creates a token store with the given settings.</summary>
    internal TokenStore TokenStore(params (string Name, string Value)[] settings) => TokenStore(Secret, settings);

    /// <summary>Creates a token store with another AUTH_SECRET_KEY.</summary>
    internal TokenStore TokenStore(AuthSecret secret, params (string Name, string Value)[] settings)
    {
        var read = TokenSettings(settings);
        var replicas = new ReplicaWait(new StorageSettings(null, null, 0), Stores);
        return new TokenStore(Stores, replicas, SessionIndex, new UserAgents(Stores), new AuthToken(secret, read), read, Clock);
    }

    internal static TokenSettings TokenSettings(params (string Name, string Value)[] settings)
    {
        var values = settings.ToDictionary(setting => setting.Name, setting => setting.Value, StringComparer.Ordinal);
        values["AUTH_SECRET_KEY"] = PortalHost.Secret;
        return AllSettings.Read(values, isProduction: false).Tokens;
    }

    public StoreDump Dump() => StoreDump.Of(_reader, Stores.Otp.Database.Client.Database, Stores.Auth.Database.Client.Database);

    private protected abstract Task<(RedisAddress Otp, RedisAddress Auth)> OpenAsync();

    private protected abstract Task CloseAsync();

    private protected abstract bool HasReplicas { get; }

    private protected virtual bool IsCluster => false;
}

/// <summary>A Redis Cluster. Both stores are in its only database.</summary>
public sealed class ClusterUnderTest : StoreUnderTest
{
    private RedisCluster _cluster = null!;

    private protected override async Task<(RedisAddress Otp, RedisAddress Auth)> OpenAsync()
    {
        _cluster = await RedisCluster.TakeAsync();
        return (_cluster.Address, _cluster.Address);
    }

    private protected override Task CloseAsync() => _cluster.ReturnAsync();

    private protected override bool HasReplicas => true;

    private protected override bool IsCluster => true;
}

/// <summary>A real redis-server.</summary>
public sealed class RedisUnderTest : StoreUnderTest
{
    private protected override Task<(RedisAddress Otp, RedisAddress Auth)> OpenAsync()
    {
        var (otp, auth) = RedisServer.NewDatabases();
        return Task.FromResult((Address(otp), Address(auth)));
    }

    private protected override Task CloseAsync() => Task.CompletedTask;

    private protected override bool HasReplicas => true;

    private static RedisAddress Address(int database) =>
        new(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, RedisServer.Shared.Port), Password: null, Tls: false, database);
}

/// <summary>The in-process embedded store.</summary>
public sealed class EmbeddedUnderTest : StoreUnderTest
{
    private readonly TemporaryFolder _folder = new();
    private EmbeddedStore _store = null!;

    private protected override bool HasReplicas => false;

    private protected override Task<(RedisAddress Otp, RedisAddress Auth)> OpenAsync()
    {
        _store = EmbeddedStore.Start(_folder.Path, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        return Task.FromResult((
            new RedisAddress(_store.EndPoint, _store.Password, Tls: false, Database: 0),
            new RedisAddress(_store.EndPoint, _store.Password, Tls: false, Database: 1)));
    }

    private protected override Task CloseAsync()
    {
        _store.Dispose();
        _folder.Dispose();
        return Task.CompletedTask;
    }
}
