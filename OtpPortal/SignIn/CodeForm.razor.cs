using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using OtpPortal.Components.Localization;
using OtpPortal.Http;
using OtpPortal.OneTimeCodes;
using OtpPortal.Storage;

namespace OtpPortal.SignIn;

/// <summary>The code page, in a circuit or without script.</summary>
public sealed partial class CodeForm(AuthFlow flow, SignInSettings settings, CodeSettings codes, TimeProvider time, IJSRuntime script)
{
    private static readonly TimeSpan s_tick = TimeSpan.FromSeconds(1);

    // While a message is being sent, its state is polled every tick; later only every third, to notice changes in other tabs.
    private const int IdleTicks = 3;

    private readonly PageTicker _ticker = new(time);
    private SignInFlow _state = null!;
    private string _code = "";
    private string? _ticket;
    private string? _error;
    private bool _busy;
    private bool _sending;
    private bool _live;
    private bool _mustWait;
    private bool _finishing;
    private bool _completedElsewhere;
    private ElementReference _finish;

    /// <summary>The id of the sign-in. It is encrypted in the page that starts the circuit; scripts cannot read it.</summary>
    [Parameter, EditorRequired]
    public string FlowId { get; set; } = "";

    /// <summary>The state at prerendering, so that the circuit's first render matches the page.</summary>
    [Parameter, EditorRequired]
    public SignInFlow Initial { get; set; } = null!;

    /// <summary>The ticket, if the code has already been verified and the browser only needs its token.</summary>
    [Parameter, EditorRequired]
    public string? Ticket { get; set; }

    /// <summary>The client that opened the page, for limits and the audit log.</summary>
    [Parameter, EditorRequired]
    public ClientInfo ClientInfo { get; set; } = null!;

    /// <summary>The website where the user finds the message, if it is known.</summary>
    [Parameter]
    public MailSite? Inbox { get; set; }

    /// <summary>The localized reason why the last form was rejected.</summary>
    [Parameter, EditorRequired]
    public string? Error { get; set; }

    private SignInSettings Settings => settings;

    private CodeSettings Codes => codes;

    private bool IsSms => _state.Channel == CodeChannel.Sms;

    private TimeSpan ResendIn => Left(_state.ResendAt);

    public ValueTask DisposeAsync() => _ticker.DisposeAsync();

    protected override void OnInitialized()
    {
        _state = Initial;
        _mustWait = ResendIn > TimeSpan.Zero;
        _ticket = Ticket;
        _error = Error ?? (_state.HasWrongTry ? WrongText(_state.AttemptsLeft) : null);
    }

    protected override bool ShouldRender()
    {
        _mustWait = ResendIn > TimeSpan.Zero;
        return true;
    }

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (firstRender)
        {
            // Runs only in circuits. Without script the resend button stays enabled, because nothing would enable it later.
            _live = true;
            _ticker.Start(s_tick, () => _state.Step == SignInStep.Code && _ticket is null, tick => InvokeAsync(() => TickOnceAsync(tick)));
            StateHasChanged();
        }
        if (_ticket is not null && !_finishing)
        {
            _finishing = true;
            await script.InvokeVoidAsync("otpPortal.post", _finish);
        }
    }

    private async Task SubmitAsync()
    {
        if (_busy || _ticket is not null) return;
        _busy = true;
        try
        {
            switch (await flow.SubmitForTicketAsync(FlowId, _code, ClientInfo))
            {
                case SubmitOutcome.Verified verified:
                    _ticket = verified.Ticket;
                    return;
                case SubmitOutcome.Wrong(> 0 and var left):
                    _state = _state with { AttemptsLeft = left, HasWrongTry = true };
                    _error = WrongText(left);
                    _code = "";
                    break;
                case SubmitOutcome.Malformed:
                    // A wrong code submits itself and clears the field, so Enter after its last digit submits an empty field:
                    // keep the error of that code.
                    if (_code.Length > 0 || _error is null) _error = T["CodeMalformed", codes.CodeLength];
                    break;
                case SubmitOutcome.Wrong or SubmitOutcome.Locked:
                    _state = _state with { Step = SignInStep.Locked };
                    return;
                default:
                    await RefreshAsync();
                    return;
            }
            await script.InvokeVoidAsync("otpPortal.focus", "code");
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            _error = T["StoreAway"];
        }
        finally
        {
            _busy = false;
        }
    }

    private async Task ResendCodeAsync()
    {
        if (_sending) return;
        _sending = true;
        try
        {
            switch (await flow.ResendCodeAsync(FlowId, ClientInfo))
            {
                case ResendCodeOutcome.Wait(var wait):
                    _error = T["WaitBeforeSending", DurationTexts.Wait(T, wait)];
                    break;
                case ResendCodeOutcome.NoneLeft:
                    _error = T["NoSendsLeft"];
                    break;
                default:
                    _error = null;
                    break;
            }
            await RefreshAsync();
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            _error = T["StoreAway"];
        }
        finally
        {
            _sending = false;
        }
    }

    private async Task TickOnceAsync(int tick)
    {
        if (_busy || _sending || _ticket is not null) return;
        var state = _state;
        try
        {
            if (_completedElsewhere || _state.Message == MessageProgress.OnItsWay || tick % IdleTicks == 0)
            {
                var now = await flow.FindAsync(FlowId);
                // A code submitted in the meantime has its own result, which must not be mistaken for another tab's.
                if (_busy || _sending || _ticket is not null) return;
                await ShowAsync(now);
            }
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            // The countdown continues; the next tick retries.
        }
        if (_state != state || _mustWait != ResendIn > TimeSpan.Zero) StateHasChanged();
    }

    private async Task RefreshAsync() => await ShowAsync(await flow.FindAsync(FlowId));

    private async Task ShowAsync(SignInFlow? now)
    {
        // Completed in another tab of this browser: the start page shows the signed-in user. If that tab is stuck, this one
        // fetches the token. The page stays unchanged until the browser navigates, because nothing has expired.
        if (now is { Step: SignInStep.Verified or SignInStep.Completed })
        {
            if (now.Step == SignInStep.Completed && !_completedElsewhere)
            {
                // The other tab's response, which sets the token cookie, may still be in flight: the start page would not show
                // the user as signed in.
                _completedElsewhere = true;
                return;
            }
            await script.InvokeVoidAsync("otpPortal.open", now.Step == SignInStep.Verified ? "/login/code" : "/");
            return;
        }
        var before = _state;
        _state = now ?? _state with { Step = SignInStep.Ended };
        if (_state.Step == SignInStep.Code && _state.AttemptsLeft < before.AttemptsLeft) _error = WrongText(_state.AttemptsLeft);
    }

    private string WrongText(int left) => left == 1 ? T["CodeWrongOne"] : T["CodeWrong", left];

    private TimeSpan Left(DateTimeOffset until) => until - time.GetUtcNow() is { Ticks: > 0 } left ? left : TimeSpan.Zero;
}
