using OtpPortal.Bench;

// The baselines are separate processes, like the portal.
return args switch
{
    ["bare", var port, var redis] => await Bare.RunAsync(port, redis),
    ["bare-gateway", var port, var redis, var hook] => await BareGateway.RunAsync(port, redis, hook),
    ["bare-api", var port, var redis, var key] => await BareApi.RunAsync(port, redis, key),
    _ => await Run.AllAsync(args),
};
