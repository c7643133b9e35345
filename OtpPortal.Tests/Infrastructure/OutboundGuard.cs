using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Http;

namespace OtpPortal.Tests.Infrastructure;

/// <summary>
/// Restricts the HTTP clients of the portal to the servers that a test provides. Any other call throws and fails the test.
/// </summary>
public sealed class OutboundGuard(Uri? allowed) : IHttpMessageHandlerBuilderFilter
{
    private readonly ConcurrentQueue<Uri?> _unexpected = new();

    /// <summary>Gets the server that may be called.</summary>
    public Uri? Allowed => allowed;

    public void ShouldHaveSeenNoUnexpectedCall() => _unexpected.ShouldBeEmpty("the portal called a server that the test does not know");

    public Action<HttpMessageHandlerBuilder> Configure(Action<HttpMessageHandlerBuilder> next) => builder =>
    {
        next(builder);
        builder.AdditionalHandlers.Add(new Gate(this, allowed, (FakeClock)builder.Services.GetRequiredService<TimeProvider>()));
    };

    private sealed class Gate(OutboundGuard guard, Uri? allowed, FakeClock clock) : DelegatingHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (allowed is not null && request.RequestUri?.Authority == allowed.Authority)
                return clock.CallAsync(() => base.SendAsync(request, cancellationToken));
            guard._unexpected.Enqueue(request.RequestUri);
            throw new HttpRequestException("Tests do not call the outside world.");
        }
    }
}
