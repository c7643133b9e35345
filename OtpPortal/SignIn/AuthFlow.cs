using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using OtpPortal.Delivery;
using OtpPortal.Delivery.Sms;
using OtpPortal.Auditing;
using OtpPortal.Limits;
using OtpPortal.Limits.Captcha;
using OtpPortal.OneTimeCodes;
using OtpPortal.Storage;
using OtpPortal.Http;
using OtpPortal.Security;
using StackExchange.Redis;

namespace OtpPortal.SignIn;

/// <summary>
/// A visitor's way from address to signed in: the same for plain forms, programs and circuits. It knows nothing of HTTP or of circuits,
/// and keeps nothing itself: all state is in the OTP store.
/// </summary>
/// <remarks>
/// Besides the code's record K (see <see cref="CodeStore"/>): <c>K:expired</c> = a code that came too late was counted;
/// <c>K:ticket</c> = SHA-256 of the hand-off ticket and its end, there from a right code until the browser has its token.
/// </remarks>
public sealed class AuthFlow(
    CodeStore codes,
    Stores stores,
    RateLimiter limiter,
    LimitSettings limits,
    SendLimits sends,
    LimitHits hits,
    CaptchaGuard captcha,
    SignInSettings settings,
    CodeSettings codeSettings,
    SignInMail mail,
    DeliveryQueue queue,
    Providers providers,
    SmsGuard guard,
    Statistics statistics,
    AuditLog audit,
    PortalSettings portal,
    TimeProvider time)
{
    private const string Realm = "sign-in";
    private const string Sms = "sms";

    // A circuit hands its success over at once; a minute is for slow phones.
    private static readonly TimeSpan s_ticketLife = TimeSpan.FromSeconds(60);

    // What a provider usually takes. The page goes by this time and by nothing else: whatever it told of a message's real fate
    // would tell who may sign in, because nothing is sent to the others.
    private static readonly TimeSpan s_sendingTime = TimeSpan.FromSeconds(2);

    private static readonly Meter s_meter = new("OtpPortal.SignIn");
    private static readonly Counter<long> s_events = s_meter.CreateCounter<long>("otpportal.sign_ins", "{event}", "Sign-ins by what happened.");

    private IDatabase Database => stores.Otp.Database;

    /// <summary>Begins a sign-in and sends its first code.</summary>
    /// <param name="channel">How the code shall come; null takes the way that the settings prefer.</param>
    public async Task<BeginOutcome> BeginAsync(string? address, Visitor visitor, string? returnTo, Proof proof, CodeChannel? channel)
    {
        if (!EmailAddress.TryParse(address, out var email)) return new BeginOutcome.InvalidAddress();

        // Counted for every address alike, known or not, before anything else tells them apart.
        if (Refusal(limits.FailuresPerAddress, await limiter.PeekAsync(limits.FailuresPerAddress, email.Value), email.Value, visitor) is { } failures)
        {
            return new BeginOutcome.Limited(failures);
        }
        if (await ProveAsync(email.Value, visitor, proof) is { } refused) return refused;
        if (await LimitSendsAsync(email.Value, visitor) is { } wait) return new BeginOutcome.Limited(wait);

        var flowId = RandomText.New(32);
        var key = CodeStore.KeyOf(Realm, flowId);
        var route = RouteOf(email.Value, channel);
        var code = route.IsReal ? CodeStore.NewCode(codeSettings.CodeLength) : null;
        var link = NewLink(route);
        var data = new Dictionary<string, string>(StringComparer.Ordinal) { ["email"] = email.Value };
        if (route.Asked == CodeChannel.Sms) data[Sms] = "1";
        if (portal.Redirects.Allows(returnTo)) data["return_to"] = returnTo!;

        var record = await codes.BeginAsync(key, code, link, codeSettings.Terms, data);
        await SendAsync(route, code, link, record, visitor);
        Count("begun");
        statistics.Count(Happening.Begun);
        return new BeginOutcome.Begun(flowId, codeSettings.CodeExpiry, codeSettings.ResendCooldown);
    }

    /// <summary>The state of a sign-in, or null when there is none.</summary>
    public async Task<SignInFlow?> FindAsync(string? flowId)
    {
        if (!IsFlowId(flowId)) return null;
        var key = CodeStore.KeyOf(Realm, flowId!);
        return await codes.FindAsync(key) is { } record ? await DescribeAsync(key, record) : null;
    }

    /// <summary>
    /// The sign-in of this browser, if the link of a mail belongs to it; null for any other link, right or wrong. Asking changes nothing:
    /// programs that look through mail open every link.
    /// </summary>
    public async Task<SignInFlow?> FindByLinkAsync(string? flowId, string? link)
    {
        if (!IsFlowId(flowId) || link is null) return null;
        var key = CodeStore.KeyOf(Realm, flowId!);
        return await codes.FindAsync(key) is { } record && codes.HasLink(key, record, link) ? await DescribeAsync(key, record) : null;
    }

    /// <summary>Tries a code, for HTTP: on <see cref="SubmitOutcome.Verified"/> the caller issues the token.</summary>
    public Task<SubmitOutcome> SubmitAsync(string? flowId, string? typed, Visitor visitor) => SubmitAsync(flowId, typed, visitor, ticket: null);

    /// <summary>
    /// Tries a code, for a circuit, which cannot set cookies: with <see cref="SubmitOutcome.Verified"/> comes the ticket, written in the same
    /// step as the success, so that no other tab sees the one without the other.
    /// </summary>
    public Task<SubmitOutcome> SubmitForTicketAsync(string? flowId, string? typed, Visitor visitor) => SubmitAsync(flowId, typed, visitor, NewTicket());

    /// <summary>Signs in with the link of a mail, for HTTP, once somebody has pressed the button there.</summary>
    /// <remarks>
    /// The attack: somebody begins a sign-in with a victim's address, and waits for the victim to press the button that the mail leads to; where a
    /// link approves the sign-in of another device, the attacker is in. Here it is worth something only together with the id of the sign-in,
    /// which is in the cookie of the browser that began it: the victim's browser has no such sign-in, and the attacker's never sees the secret.
    /// </remarks>
    public async Task<SubmitOutcome> SubmitLinkAsync(string? flowId, string? link, Visitor visitor)
    {
        if (!IsFlowId(flowId) || link is null) return new SubmitOutcome.Elsewhere();
        return await codes.TryLinkAsync(CodeStore.KeyOf(Realm, flowId!), link) switch
        {
            TryOutcome.Right(var record) => await SucceedAsync(record, ticket: null),
            TryOutcome.Locked => new SubmitOutcome.Locked(),
            TryOutcome.Expired({ } record) => await OverAsync(CodeStore.KeyOf(Realm, flowId!), record, visitor),
            _ => new SubmitOutcome.Elsewhere(),
        };
    }

    private async Task<SubmitOutcome> SubmitAsync(string? flowId, string? typed, Visitor visitor, string? ticket)
    {
        if (!IsFlowId(flowId)) return new SubmitOutcome.Expired();
        var code = TypedCode.Normalize(typed, codeSettings.CodeLength);
        var key = CodeStore.KeyOf(Realm, flowId!);
        if (code is null)
        {
            var record = await codes.FindAsync(key);
            return record is null || record.IsExpired(time.GetUtcNow()) || !record.IsOpen ? new SubmitOutcome.Expired()
                : record.IsLocked ? new SubmitOutcome.Locked()
                : new SubmitOutcome.Malformed();
        }

        switch (await codes.TryAsync(key, code, success =>
        {
            if (ticket is not null) _ = success.StringSetAsync(TicketKey(key), TicketRecord(ticket), s_ticketLife);
        }))
        {
            case TryOutcome.Right(var record):
                return await SucceedAsync(record, ticket);
            case TryOutcome.Wrong(var left, var record):
                Count("wrong");
                statistics.Count(Happening.Wrong);
                audit.Write(left > 0 ? AuditEvent.SignInFailed : AuditEvent.Locked, record.Data["email"], visitor.Ip, left > 0 ? "wrong_code" : "too_many_attempts");
                // Counted here, asked about only when a new sign-in begins: a stranger's wrong codes never end a sign-in that is open.
                await limiter.TakeAsync(limits.FailuresPerAddress, record.Data["email"]);
                return new SubmitOutcome.Wrong(left);
            case TryOutcome.Locked:
                return new SubmitOutcome.Locked();
            case TryOutcome.Expired(var record):
                return await OverAsync(key, record, visitor);
            default:
                throw new UnreachableException();
        }
    }

    private async Task<SubmitOutcome> SucceedAsync(CodeRecord record, string? ticket)
    {
        Count("verified");
        statistics.CountVerified(time.GetUtcNow() - (record.Deadline - codeSettings.CodeExpiry));
        // Who has the mailbox does not pay for wrong codes any longer.
        limiter.Reset(limits.FailuresPerAddress, record.Data["email"]);
        if (RouteOf(record) is { Used: CodeChannel.Sms, To: var number }) await guard.CountVerifiedAsync(number);
        return new SubmitOutcome.Verified(record.Data["email"], record.Data.GetValueOrDefault("return_to"), ticket);
    }

    private async Task<SubmitOutcome.Expired> OverAsync(string key, CodeRecord? record, Visitor visitor)
    {
        Count("expired");
        // Once for each sign-in, and without a record there was none: otherwise anybody could fill the log with late codes or made-up ids.
        if (record is { IsOpen: true } && await Database.StringSetAsync(key + ":expired", "1", CodeStore.Linger, When.NotExists))
        {
            statistics.Count(Happening.Expired);
            audit.Write(AuditEvent.SignInFailed, record.Data["email"], visitor.Ip, "expired");
        }
        return new SubmitOutcome.Expired();
    }

    /// <summary>Sends another code. The earlier ones stay good, and the deadline stays where it is.</summary>
    public async Task<SendAgainOutcome> SendAgainAsync(string? flowId, Visitor visitor)
    {
        if (!IsFlowId(flowId)) return new SendAgainOutcome.Expired();
        var key = CodeStore.KeyOf(Realm, flowId!);
        var now = time.GetUtcNow();
        var record = await codes.FindAsync(key);
        if (record is null || !record.IsLive(now)) return new SendAgainOutcome.Expired();
        if (record.Sends >= record.MaxSends) return new SendAgainOutcome.NoneLeft(record.Deadline - now);
        if (now < record.ResendAt) return new SendAgainOutcome.Wait(record.ResendAt - now);

        var email = record.Data["email"];
        if (await LimitSendsAsync(email, visitor) is { } wait) return new SendAgainOutcome.Wait(wait);
        // Counted, but not asked about: a sign-in sends few codes, and its page has no place for a captcha.
        await captcha.CountAsync(email, visitor.LimitKey);
        var route = RouteOf(record);
        var code = route.IsReal ? CodeStore.NewCode(codeSettings.CodeLength) : null;
        var link = NewLink(route);
        switch (await codes.AddCodeAsync(key, record, code, link))
        {
            case ResendOutcome.Added(var added):
                Count("resent");
                await SendAsync(route, code, link, added, visitor);
                return new SendAgainOutcome.Sent(added.Deadline - now, added.ResendCooldown);
            case ResendOutcome.CoolingDown(var until):
                return new SendAgainOutcome.Wait(until - now);
            case ResendOutcome.NoSendsLeft:
                return new SendAgainOutcome.NoneLeft(record.Deadline - now);
            default:
                return new SendAgainOutcome.Expired();
        }
    }

    /// <summary>
    /// A single-use ticket for a success whose token could not be issued: the browser trades it in over HTTP, together with the flow's cookie.
    /// </summary>
    public Task<string> GrantTicketAsync(string flowId) => WriteTicketAsync(CodeStore.KeyOf(Realm, flowId), When.Always)!;

    /// <summary>
    /// A new ticket in place of one that the browser lost on the way (a reload, a lost circuit, a server that died); null when it was used,
    /// or its time is over. The flow's id comes from a cookie that only the browser that began the sign-in has.
    /// </summary>
    public Task<string?> RenewTicketAsync(string flowId) => WriteTicketAsync(CodeStore.KeyOf(Realm, flowId), When.Exists);

    /// <summary>Takes a ticket: once, within its time, and only together with the id of its own flow.</summary>
    public async Task<SubmitOutcome> RedeemAsync(string? flowId, string? ticket)
    {
        if (!IsFlowId(flowId) || string.IsNullOrEmpty(ticket) || ticket.Length > 200) return new SubmitOutcome.Expired();
        var key = CodeStore.KeyOf(Realm, flowId!);
        var stored = await Database.StringGetAsync(TicketKey(key));
        if (((string?)stored)?.Split('|') is not [var digest, var ends] || digest != Digest.Of(ticket)
            || time.GetUtcNow().ToUnixTimeMilliseconds() >= long.Parse(ends, CultureInfo.InvariantCulture))
        {
            return new SubmitOutcome.Expired();
        }
        var record = await codes.FindAsync(key);
        // Of two that come at once, one gets a token; and a ticket that was renewed meanwhile is left to the page that renewed it.
        if (record is null || !await Database.ClaimAsync(TicketKey(key), stored)) return new SubmitOutcome.Expired();
        return new SubmitOutcome.Verified(record.Data["email"], record.Data.GetValueOrDefault("return_to"), Ticket: null);
    }

    /// <summary>True for what could be the id of a sign-in.</summary>
    internal static bool IsFlowId(string? text) => text is { Length: 32 } && text.All(char.IsAsciiLetterOrDigit);

    private async Task<BeginOutcome?> ProveAsync(string email, Visitor visitor, Proof proof)
    {
        if (!await captcha.CountAsync(email, visitor.LimitKey)) return null;
        // Nobody solves a captcha only to read that there is nothing to be had now.
        var wait = Refusal(limits.SendsPerIp, await limiter.PeekAsync(limits.SendsPerIp, visitor.LimitKey), email, visitor)
            ?? Refusal(limits.SendsPerAddress, await limiter.PeekAsync(limits.SendsPerAddress, email), email, visitor);
        if (wait is { } limited) return new BeginOutcome.Limited(limited);
        if (await captcha.JudgeAsync(proof, email, visitor.Ip) is not ProofOutcome.Needed needed) return null;
        Count("proof_needed");
        _ = audit.WriteLimitHitAsync("CAPTCHA_AFTER", limits.SendsPerIp.Window, visitor.LimitKey, email, visitor.Ip);
        return new BeginOutcome.ProofNeeded(needed.Wait, needed.Ticket, needed.Lack);
    }

    private async Task<TimeSpan?> LimitSendsAsync(string email, Visitor visitor)
    {
        var wait = await sends.TakeAsync(email, visitor.Ip, visitor.LimitKey);
        if (wait is not null) Count("limited");
        return wait;
    }

    private TimeSpan? Refusal(Limit limit, TimeSpan? wait, string email, Visitor visitor)
    {
        if (wait is null) return null;
        Count("limited");
        hits.Note(limit, visitor.LimitKey, email, visitor.Ip);
        return wait;
    }

    private Route RouteOf(CodeRecord record) => RouteOf(record.Data["email"], record.Data.ContainsKey(Sms) ? CodeChannel.Sms : CodeChannel.Email);

    // What was asked for decides what the pages say; only whoever is written to learns what it came to.
    private Route RouteOf(string email, CodeChannel? channel)
    {
        var asked = !settings.OffersSms || providers.Sms is null ? CodeChannel.Email : channel ?? CodeChannel.Sms;
        if (settings.Directory is not { } directory) return new Route(asked, CodeChannel.Email, email, settings.Allows(email));
        var used = directory.Find(email, asked, out var to);
        // Nothing is sent without a route; the message is composed all the same, on the way that was asked for.
        return new Route(asked, used ?? asked, to, used is not null && to != UserDirectory.ReservedNumber && settings.Allows(email));
    }

    // Also for who may not sign in: that link leaves with no message, and nobody can guess it.
    private string? NewLink(Route route) => settings.MailLink && route.Used == CodeChannel.Email ? CodeStore.NewLink() : null;

    private async Task SendAsync(Route route, string? code, string? link, CodeRecord record, Visitor visitor)
    {
        // Without a code the message is not sent. It is composed all the same, so that the answer takes as long.
        var text = code ?? CodeStore.NewCode(codeSettings.CodeLength);
        var lifetime = record.Deadline - record.SentAt;
        var isSms = route.Used == CodeChannel.Sms;
        var message = isSms ? mail.ComposeSms(route.To, text, lifetime) : mail.Compose(route.To, text, link, lifetime);
        // A number is an address with a limit of its own. Past it the page shows the same, or it would tell whose number that is;
        // for who has none something else is counted, so that it takes as long.
        var counted = isSms && code is not null ? route.To : "no number\n" + route.To;
        if (route.Asked == CodeChannel.Sms && await sends.TakeAsync(counted, visitor.Ip, client: null) is not null) return;
        if (code is null) return;
        queue.TryEnqueue(new OutgoingMessage(message, record.Deadline, CountSent) { By = isSms ? providers.Sms : null });
    }

    // Here and not in the queue, which sends other messages than codes too.
    private void CountSent(DeliveryState state)
    {
        if (state == DeliveryState.Sent) statistics.Count(Happening.Sent);
    }

    private async Task<string?> WriteTicketAsync(string key, When when)
    {
        var ticket = NewTicket();
        var written = await Database.StringSetAsync(TicketKey(key), TicketRecord(ticket), s_ticketLife, when);
        return written ? ticket : null;
    }

    private static string NewTicket() => RandomText.New(43);

    private string TicketRecord(string ticket) =>
        string.Create(CultureInfo.InvariantCulture, $"{Digest.Of(ticket)}|{(time.GetUtcNow() + s_ticketLife).ToUnixTimeMilliseconds()}");

    private async Task<SignInFlow> DescribeAsync(string key, CodeRecord record) =>
        Describe(record, await Database.KeyExistsAsync(TicketKey(key)));

    private SignInFlow Describe(CodeRecord record, bool hasTicket)
    {
        var now = time.GetUtcNow();
        var step = !record.IsOpen && hasTicket ? SignInStep.Verified
            : !record.IsOpen || record.IsExpired(now) ? SignInStep.Ended
            : record.IsLocked ? SignInStep.Locked
            : SignInStep.Code;
        return new SignInFlow(
            record.Data["email"], step, now < record.SentAt + s_sendingTime ? MessageProgress.OnItsWay : MessageProgress.HandedOver,
            record.AttemptsLeft, record.AttemptsLeft < record.MaxAttempts,
            record.Sends < record.MaxSends, record.ResendAt, record.Deadline, record.Data.GetValueOrDefault("return_to"),
            record.Data.ContainsKey(Sms) ? CodeChannel.Sms : CodeChannel.Email);
    }

    /// <summary>The way of a code.</summary>
    /// <param name="Asked">What the pages speak of.</param>
    /// <param name="IsReal">False for who may not sign in: nothing leaves.</param>
    private sealed record Route(CodeChannel Asked, CodeChannel Used, string To, bool IsReal);

    private static RedisKey TicketKey(string key) => key + ":ticket";

    private static void Count(string what) => s_events.Add(1, new KeyValuePair<string, object?>("event", what));
}
