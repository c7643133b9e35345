// Everything here only adds to pages that work without it.
(() => {
    'use strict';

    // One WebSocket and no negotiation: any replica can serve it, without sticky sessions. Where WebSockets are blocked the forms do everything.
    const line = () => document.getElementById('components-reconnect-modal');
    const lineIsDown = () => /components-reconnect-(show|failed|rejected)/.test(line()?.className ?? '');

    window.otpPortal = {
        // Past the submit event, so that a circuit which has done its part does not get it back.
        post: form => form?.isConnected && HTMLFormElement.prototype.submit.call(form),
        focus: id => { const field = document.getElementById(id); field?.focus(); field?.select?.(); },
        open: path => location.assign(path),
    };

    // While the circuit's line is down it would swallow the form: let it go the ordinary way instead.
    addEventListener('submit', event => {
        if (lineIsDown()) event.stopImmediatePropagation();
    }, true);

    // A full code is submitted by itself.
    const digitsOf = text => text.replace(/[\s\p{Pd}\p{Cf}]/gu, '');
    let submitted = '';
    addEventListener('input', event => {
        const field = event.target;
        const length = Number(field.dataset?.codeLength);
        if (!length) return;
        const digits = digitsOf(field.value);
        if (digits.length !== length || !/^\p{Nd}+$/u.test(digits)) { submitted = ''; return; }
        if (digits === submitted) return;
        submitted = digits;
        // After the circuit has heard of the input itself.
        setTimeout(() => field.isConnected && field.form?.requestSubmit(), 0);
    });

    // A code in a text message that names this site can be taken over with one tap (WebOTP).
    const offerCode = () => {
        const field = document.querySelector('[data-code-length]');
        if (!field || !('OTPCredential' in window)) return;
        navigator.credentials.get({ otp: { transport: ['sms'] } }).then(otp => {
            field.value = otp.code;
            field.dispatchEvent(new Event('input', { bubbles: true }));
        }).catch(() => { });
    };

    addEventListener('DOMContentLoaded', () => {
        window.otpPortal.post(document.querySelector('form[data-submit-at-once]'));
        offerCode();
        window.Blazor?.start({
            circuit: {
                configureSignalR: builder => builder.withUrl('_blazor', { skipNegotiation: true, transport: 1 }),
                reconnectionOptions: { maxRetries: 60, retryIntervalMilliseconds: attempt => Math.min(500 * (attempt + 1), 5000) },
            },
        }).then(() => document.documentElement.dataset.portal = 'ready', () => { });
    });
})();
