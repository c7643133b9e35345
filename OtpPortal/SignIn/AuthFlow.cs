using System.Diagnostics;
using OtpPortal.Delivery;
using OtpPortal.Limits.Captcha;
using OtpPortal.OneTimeCodes;

namespace OtpPortal.SignIn;

/// <summary>
/// Signs users in with codes, for plain forms, API clients and circuits alike. Independent of HTTP and circuits, and stateless:
/// all state is in the OTP store.
/// </summary>
public sealed class AuthFlow(
    FlowStore flows, SignInLimits limits, RecipientResolver recipients, CodeSender sender, HandOffTickets tickets, SignInEvents events,
    TimeProvider time)
{
    // A provider's typical delivery time. The page depends on this time alone: showing the actual delivery state would reveal
    // which addresses may sign in, because nothing is sent to the others.
    private static readonly TimeSpan s_sendingTime = TimeSpan.FromSeconds(2);

    /// <summary>Begins a sign-in and sends its first code.</summary>
    /// <param name="channel">The requested channel; null uses the preferred channel of the settings.</param>
    public async Task<BeginOutcome> BeginAsync(string? address, ClientInfo client, string? returnTo, Proof proof, CodeChannel? channel)
    {
        if (!EmailAddress.TryParse(address, out var email)) return new BeginOutcome.InvalidAddress();
        if (await limits.RefuseAsync(email.Value, client, proof) is { } refusal) return refusal;

        var route = recipients.Resolve(email.Value, channel);
        var (code, link) = sender.Create(route);
        var (flowId, record) = await flows.BeginAsync(email.Value, route.Asked, returnTo, code, link);
        await sender.SendAsync(route, code, link, record, client);
        events.Begun();
        return new BeginOutcome.Begun(flowId, flows.Settings.CodeExpiry, flows.Settings.ResendCooldown);
    }

    /// <summary>Returns the state of a sign-in, or null if there is none.</summary>
    public async Task<SignInFlow?> FindAsync(string? flowId) =>
        await flows.FindAsync(flowId) is { } record ? await DescribeAsync(flowId!, record) : null;

    /// <summary>
    /// Returns this browser's sign-in if the link of an email belongs to it, or null for any other link, valid or not. Changes
    /// nothing, because mail scanners open every link.
    /// </summary>
    public async Task<SignInFlow?> FindByLinkAsync(string? flowId, string? link) =>
        link is not null && await flows.FindAsync(flowId) is { } record && flows.HasLink(flowId!, record, link)
            ? await DescribeAsync(flowId!, record)
            : null;

    /// <summary>Verifies a code over HTTP. On <see cref="SubmitOutcome.Verified"/> the caller issues the token.</summary>
    public Task<SubmitOutcome> SubmitAsync(string? flowId, string? typed, ClientInfo client) =>
        SubmitAsync(flowId, typed, client, ticket: null);

    /// <summary>
    /// Verifies a code in a circuit, which cannot set cookies: <see cref="SubmitOutcome.Verified"/> contains the ticket for
    /// <see cref="RedeemAsync"/>.
    /// </summary>
    public Task<SubmitOutcome> SubmitForTicketAsync(string? flowId, string? typed, ClientInfo client) =>
        SubmitAsync(flowId, typed, client, HandOffTickets.New());

    /// <summary>Signs in with the link of an email over HTTP, after the user has pressed the button on its page.</summary>
    /// <remarks>
    /// The attack: an attacker begins a sign-in with a victim's address and waits for the victim to press the button. A link is
    /// therefore valid only with the sign-in's id, which is in the cookie of the browser that began it: the victim's browser
    /// has no such cookie, and the attacker never sees the link's secret.
    /// </remarks>
    public async Task<SubmitOutcome> SubmitLinkAsync(string? flowId, string? link, ClientInfo client)
    {
        if (!FlowStore.IsFlowId(flowId) || link is null) return new SubmitOutcome.CompletedElsewhere();
        return await flows.TryLinkAsync(flowId!, link) switch
        {
            TryOutcome.Right(var record) => await SucceedAsync(record, ticket: null),
            TryOutcome.Locked => new SubmitOutcome.Locked(),
            TryOutcome.Expired({ } record) => await ExpireAsync(flowId!, record, client),
            _ => new SubmitOutcome.CompletedElsewhere(),
        };
    }

    /// <summary>Sends another code. Earlier codes stay valid, and the deadline does not change.</summary>
    public async Task<ResendCodeOutcome> ResendCodeAsync(string? flowId, ClientInfo client)
    {
        var now = time.GetUtcNow();
        if (await flows.FindAsync(flowId) is not { } record || !record.IsLive(now)) return new ResendCodeOutcome.Expired();
        if (record.Sends >= record.MaxSends) return new ResendCodeOutcome.NoneLeft(record.Deadline - now);
        if (now < record.ResendAt) return new ResendCodeOutcome.Wait(record.ResendAt - now);
        if (await limits.TakeResendAsync(SignInPayload.Of(record).Email, client) is { } wait) return new ResendCodeOutcome.Wait(wait);

        var route = recipients.Resolve(record);
        var (code, link) = sender.Create(route);
        switch (await flows.AddCodeAsync(flowId!, record, code, link))
        {
            case ResendOutcome.Added(var added):
                events.Measure("resent");
                await sender.SendAsync(route, code, link, added, client);
                return new ResendCodeOutcome.Sent(added.Deadline - now, added.ResendCooldown);
            case ResendOutcome.CoolingDown(var until):
                return new ResendCodeOutcome.Wait(until - now);
            case ResendOutcome.NoSendsLeft:
                return new ResendCodeOutcome.NoneLeft(record.Deadline - now);
            default:
                return new ResendCodeOutcome.Expired();
        }
    }

    /// <summary>
    /// Creates a ticket for a verified sign-in whose token could not be issued, so that a reload can resume it.
    /// </summary>
    public Task<string> GrantTicketAsync(string flowId) => tickets.GrantAsync(FlowStore.KeyOf(flowId));

    /// <summary>
    /// Replaces a ticket that the browser lost. Only the browser that began the sign-in has the flow's id, in a cookie.
    /// </summary>
    public Task<string?> RenewTicketAsync(string flowId) => tickets.RenewAsync(FlowStore.KeyOf(flowId));

    /// <summary>Redeems a ticket. Succeeds once, before it expires, and only with the id of its own flow.</summary>
    public async Task<SubmitOutcome> RedeemAsync(string? flowId, string? ticket)
    {
        if (string.IsNullOrEmpty(ticket) || ticket.Length > 200 || await flows.FindAsync(flowId) is not { } record
            || !await tickets.TakeAsync(FlowStore.KeyOf(flowId!), ticket))
        {
            return new SubmitOutcome.Expired();
        }
        var payload = SignInPayload.Of(record);
        return new SubmitOutcome.Verified(payload.Email, payload.ReturnTo, Ticket: null);
    }

    private async Task<SubmitOutcome> SubmitAsync(string? flowId, string? typed, ClientInfo client, string? ticket)
    {
        if (!FlowStore.IsFlowId(flowId)) return new SubmitOutcome.Expired();
        if (TypedCode.Normalize(typed, flows.Settings.CodeLength) is not { } code)
        {
            var record = await flows.FindAsync(flowId);
            return record is null || record.IsExpired(time.GetUtcNow()) || !record.IsOpen ? new SubmitOutcome.Expired()
                : record.IsLocked ? new SubmitOutcome.Locked()
                : new SubmitOutcome.Malformed();
        }
        switch (await flows.TryAsync(flowId!, code, success =>
        {
            if (ticket is not null) tickets.Write(success, FlowStore.KeyOf(flowId!), ticket);
        }))
        {
            case TryOutcome.Right(var record):
                return await SucceedAsync(record, ticket);
            case TryOutcome.Wrong(var left, var record):
                var email = SignInPayload.Of(record).Email;
                events.Wrong(email, left, client.Ip);
                await limits.CountFailureAsync(email);
                return new SubmitOutcome.Wrong(left);
            case TryOutcome.Locked:
                return new SubmitOutcome.Locked();
            case TryOutcome.Expired(var record):
                return await ExpireAsync(flowId!, record, client);
            default:
                throw new UnreachableException();
        }
    }

    private async Task<SubmitOutcome> SucceedAsync(CodeRecord record, string? ticket)
    {
        var payload = SignInPayload.Of(record);
        await events.VerifiedAsync(record, recipients.Resolve(record));
        limits.ForgiveFailures(payload.Email);
        return new SubmitOutcome.Verified(payload.Email, payload.ReturnTo, ticket);
    }

    private async Task<SubmitOutcome.Expired> ExpireAsync(string flowId, CodeRecord? record, ClientInfo client)
    {
        await events.ExpiredAsync(FlowStore.KeyOf(flowId), record, client.Ip);
        return new SubmitOutcome.Expired();
    }

    private async Task<SignInFlow> DescribeAsync(string flowId, CodeRecord record)
    {
        var hasTicket = await tickets.ExistsAsync(FlowStore.KeyOf(flowId));
        var now = time.GetUtcNow();
        var payload = SignInPayload.Of(record);
        var step = !record.IsOpen && hasTicket ? SignInStep.Verified
            : record.IsExpired(now) ? SignInStep.Ended
            : !record.IsOpen ? SignInStep.Completed
            : record.IsLocked ? SignInStep.Locked
            : SignInStep.Code;
        return new SignInFlow(
            payload.Email, step, now < record.SentAt + s_sendingTime ? MessageProgress.OnItsWay : MessageProgress.HandedOver,
            record.AttemptsLeft, record.AttemptsLeft < record.MaxAttempts,
            record.Sends < record.MaxSends, record.ResendAt, record.Deadline, payload.ReturnTo, payload.Channel);
    }
}
