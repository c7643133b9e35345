using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using OtpPortal.Delivery;
using OtpPortal.Http;
using OtpPortal.Storage;

namespace OtpPortal.Gateway;

/// <summary>The hosted code page, in a circuit or without script.</summary>
public sealed partial class VerificationForm(
    VerificationFlow flow, GatewaySettings settings, Providers providers, TimeProvider time, IJSRuntime script)
{
    // Another device's success appears with the next tick.
    private static readonly TimeSpan s_tick = TimeSpan.FromSeconds(1);

    private readonly PageTicker _ticker = new(time);
    private Verification _state = null!;
    private string _code = "";
    private string? _error;
    // The field contains the link's code, and the user has not pressed the button yet. Until then nothing is submitted
    // automatically.
    private bool _untouched;
    private bool _expired;
    private bool _busy;
    private bool _sending;
    private bool _live;
    private bool _mustWait;
    private bool _reported;
    private bool _wasOpen;

    [Parameter, EditorRequired]
    public string Namespace { get; set; } = "";

    [Parameter, EditorRequired]
    public string Id { get; set; } = "";

    /// <summary>The state at prerendering, so that the circuit's first render matches the page.</summary>
    [Parameter, EditorRequired]
    public Verification Initial { get; set; } = null!;

    /// <summary>The display name of the address, such as "Email" or "Phone number".</summary>
    [Parameter, EditorRequired]
    public string Address { get; set; } = "";

    [Parameter, EditorRequired]
    public PageView View { get; set; } = null!;

    [Parameter, EditorRequired]
    public HostedPageClient HostedPageClient { get; set; } = null!;

    /// <summary>The code from the opened link, or null. It is submitted only when the user presses the button.</summary>
    [Parameter, EditorRequired]
    public string? Prefilled { get; set; }

    /// <summary>The localized reason why the last form was rejected.</summary>
    [Parameter, EditorRequired]
    public string? Error { get; set; }

    private bool IsOpen => !_expired && _state is { Closed: false, Locked: false };

    public ValueTask DisposeAsync() => _ticker.DisposeAsync();

    protected override void OnInitialized()
    {
        _state = Initial;
        _mustWait = ResendIn > TimeSpan.Zero;
        _code = Prefilled ?? "";
        _untouched = Prefilled is not null;
        // The link's code has not been tried yet, so errors of earlier codes are not shown next to it.
        _error = Error ?? (_state.Attempts > 1 && !_untouched ? WrongText() : null);
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
            _ticker.Start(s_tick, () => !_expired && !_state.Closed, _ => InvokeAsync(TickOnceAsync));
            _wasOpen = IsOpen;
            StateHasChanged();
        }
        if (_wasOpen && !IsOpen)
        {
            // The focused field has been removed; screen readers continue from the heading.
            _wasOpen = false;
            await script.InvokeVoidAsync("otpPortal.focus", "outcome");
        }
        if (_state.Closed && !_reported)
        {
            _reported = true;
            await script.InvokeVoidAsync("otpPortal.finished");
        }
    }

    private async Task SubmitAsync()
    {
        if (_busy || _state.Closed || settings.Find(Namespace) is not { } owner) return;
        _busy = true;
        _untouched = false;
        try
        {
            if (HostedPages.Normalize(_code, _state) is not { } code)
            {
                // A wrong code submits itself and clears the field, so Enter after its last digit submits an empty field: keep
                // the error of that code.
                if (_code.Length > 0 || _error is null) _error = HostedPages.MalformedText(T, _state);
            }
            else
            {
                switch (await flow.CheckAsync(owner, Id, code, keep: true, HostedPageClient.Ip))
                {
                    case CheckOutcome.Wrong({ Locked: false } wrong):
                        _state = wrong;
                        _error = WrongText();
                        _code = "";
                        break;
                    case CheckOutcome.Unknown:
                        _expired = true;
                        return;
                    case CheckOutcome.Verified(var now):
                        _state = now;
                        return;
                    case CheckOutcome.Closed(var now):
                        _state = now;
                        return;
                    case CheckOutcome.Wrong(var now):
                        _state = now;
                        return;
                    case CheckOutcome.Locked(var now):
                        _state = now;
                        return;
                }
            }
            await script.InvokeVoidAsync("otpPortal.focus", "otp");
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
        if (_sending || settings.Find(Namespace) is not { } owner) return;
        _sending = true;
        try
        {
            var outcome = await flow.ResendCodeAsync(owner, Id, HostedPageClient.Ip, HostedPageClient.LimitKey, _ticker.Left);
            _error = HostedPages.Refusal(T, outcome, providers.Find(_state.Provider));
            await RefreshAsync();
        }
        catch (OperationCanceledException)
        {
            // The page has been disposed.
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

    private async Task TickOnceAsync()
    {
        if (_busy || _sending) return;
        var state = _state;
        try
        {
            await RefreshAsync();
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            // The countdown continues; the next tick retries.
        }
        // A locked page shows the time left without a countdown.
        var hasChanged = _expired || _state.Locked || _state != state with { Extra = _state.Extra };
        if (hasChanged || _mustWait != ResendIn > TimeSpan.Zero) StateHasChanged();
    }

    private async Task RefreshAsync()
    {
        var now = await flow.FindAsync(Namespace, Id);
        if (_busy || _state.Closed) return;
        // A record that the caller's backend deletes after the success on another device looks like an expired one.
        if (now is null && await flow.FindRecentlyVerifiedAsync(Namespace, Id) is not null) now = _state with { Closed = true };
        if (now is null) _expired = true;
        else
        {
            var before = _state;
            _state = now;
            if (now is { Closed: false, Locked: false } && now.Attempts > before.Attempts && !_untouched) _error = WrongText();
        }
    }

    private string Action => VerificationId.PageOf(Namespace, Id) + View.Query;

    private string WrongText() => _state.AttemptsLeft == 1 ? T["CodeWrongOne"] : T["CodeWrong", _state.AttemptsLeft];

    private TimeSpan ResendIn => Left(_state.ResendAt);

    private TimeSpan Left(DateTimeOffset until) => until - time.GetUtcNow() is { Ticks: > 0 } left ? left : TimeSpan.Zero;
}
