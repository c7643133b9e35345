using System.Text.Json.Serialization;

namespace OtpPortal.Histories.Recording;

/// <summary>What a client asked of the portal, or what arrived by mail.</summary>
public enum OperationKind
{
    /// <summary><c>POST /login</c>.</summary>
    Begin,

    /// <summary>The mail provider received a code. <see cref="Operation.Start"/> is the arrival.</summary>
    Mail,

    /// <summary><c>POST /login-otp</c>.</summary>
    Submit,

    /// <summary><c>GET /check-auth</c>.</summary>
    Check,

    /// <summary><c>POST /logout</c>.</summary>
    Logout,

    /// <summary><c>DELETE /auth-tokens/{id}</c>.</summary>
    RevokeSession,

    /// <summary><c>DELETE /auth-tokens?email=</c>.</summary>
    RevokeUser,

    /// <summary><c>GET /auth-tokens?details=true</c>, of one address.</summary>
    List,
}

/// <summary>A session in the answer of a <see cref="OperationKind.List"/>.</summary>
/// <param name="Id">The id of the session.</param>
/// <param name="Token">The token of the session.</param>
public sealed record ListedSession(string Id, string Token);

/// <summary>A call and its answer.</summary>
public sealed record Operation
{
    /// <summary>Gets the number of the operation in its run, from 1.</summary>
    public required long Id { get; init; }

    public required OperationKind Kind { get; init; }

    /// <summary>Gets the client that made the call, from 0; -1 for mail.</summary>
    public int Client { get; init; }

    /// <summary>Gets the replica that was called.</summary>
    public string Portal { get; init; } = "";

    /// <summary>Gets the time before the request was sent, in milliseconds since the start of the run.</summary>
    public required double Start { get; init; }

    /// <summary>
    /// Gets the time after the answer was read or the client gave up, in milliseconds since the start of the run.
    /// </summary>
    public required double End { get; init; }

    /// <summary>Gets the status code; null without a complete answer.</summary>
    public int? Status { get; init; }

    /// <summary>Gets why there was no complete answer.</summary>
    public string? Failure { get; init; }

    /// <summary>Gets the address of the flow or session.</summary>
    public string? Email { get; init; }

    public string? Flow { get; init; }

    public string? Code { get; init; }

    /// <summary>Gets the token that the client presented.</summary>
    public string? Token { get; init; }

    /// <summary>Gets the token in the answer.</summary>
    public string? Answered { get; init; }

    /// <summary>Gets the address in the answer.</summary>
    public string? AnsweredEmail { get; init; }

    /// <summary>Gets the id of the session to revoke.</summary>
    public string? SessionId { get; init; }

    /// <summary>Gets the attempts left in the answer.</summary>
    public int? AttemptsLeft { get; init; }

    public IReadOnlyList<ListedSession>? Listed { get; init; }

    /// <summary>
    /// Gets whether the effect is unknown: there was no answer, or a server error. The effect may happen at any time after
    /// <see cref="Start"/>, even after <see cref="End"/>.
    /// </summary>
    [JsonIgnore]
    public bool IsUnknown => Status is null or >= 500;
}

/// <summary>A fault. It ends when the component works again, as far as the component itself can tell.</summary>
/// <param name="Name">For example <c>kill</c> or <c>pause</c>, or <see cref="Failover"/>.</param>
/// <param name="Target">The component, for example <c>portal a</c>.</param>
/// <param name="Start">In milliseconds since the start of the run.</param>
/// <param name="End">In milliseconds since the start of the run.</param>
public sealed record Fault(string Name, string Target, double Start, double End)
{
    /// <summary>The name of a fault that the store reports: a replica has become the primary.</summary>
    public const string Failover = "failover";
}

/// <summary>The settings of a run that the checker needs. Times are in seconds.</summary>
public sealed record RunSettings
{
    public required string Kind { get; init; }

    public required int Seed { get; init; }

    public required int Duration { get; init; }

    public double RotateAfter { get; init; } = 1;

    public double Grace { get; init; } = 10;

    public double IdleLifetime { get; init; } = 3600;

    public double CodeLifetime { get; init; } = 300;

    public int MaxAttempts { get; init; } = 5;

    /// <summary>Gets the time after a fault within which every replica must answer again.</summary>
    public double RecoveryBound { get; init; } = 15;

    /// <summary>
    /// Gets whether the store replicates asynchronously, so that a failover may lose writes that it has acknowledged.
    /// </summary>
    public bool LosesWritesOnFailover { get; init; }
}

/// <summary>A complete run.</summary>
public sealed record History(RunSettings Settings, IReadOnlyList<Operation> Operations, IReadOnlyList<Fault> Faults);
