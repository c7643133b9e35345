using OtpPortal.Bench;

// "bare" is the yardstick, in a process of its own like the portal.
return args is ["bare", var port, var redis] ? await Bare.RunAsync(port, redis) : await Run.AllAsync(args);
