// Enhances pages that also work without script.
(() => {
    'use strict';

    const { blazor } = document.currentScript.dataset;

    // One WebSocket without negotiation works with any replica, without sticky sessions. Where WebSockets are blocked, the forms work.
    const line = () => document.getElementById('components-reconnect-modal');
    const lineIsDown = () => /components-reconnect-(show|failed|rejected)/.test(line()?.className ?? '');

    // A ticket is valid for one post. The page posts it, and the circuit would post it again: the browser would discard the
    // first response, and the second one would report a used ticket.
    let finishing = false;

    window.otpPortal = {
        // submit() fires no submit event, so the circuit does not handle the form again.
        post: form => {
            if (!form?.isConnected || finishing) return;
            finishing = 'submitAtOnce' in form.dataset;
            HTMLFormElement.prototype.submit.call(form);
        },
        focus: id => {
            // A frame must not take the focus from the page that embeds it.
            if (parent !== window && !document.hasFocus()) return;
            const field = document.getElementById(id);
            // The user may be typing into it already. Selected text would be replaced by the next character.
            if (!field || field === document.activeElement) return;
            field.focus();
            field.select?.();
        },
        open: path => location.assign(path),
        finished: () => tellFinished(),
        ready: () => { document.documentElement.dataset.portal = 'ready'; },
    };

    // A hosted page in a frame notifies its parent of success or Escape. The target origin is never "*".
    // The server has checked the origin. Without one, the browser's referrer is used: frame-ancestors allows listed origins only.
    const hosted = () => document.querySelector('[data-otp-page]')?.dataset;
    const tellFrame = message => {
        const origin = hosted()?.origin ?? location.ancestorOrigins?.[0];
        if (hosted() && origin && parent !== window) parent.postMessage(message, origin);
    };
    // otpgateway's script treats every message with a namespace and an id as a success.
    const tellFinished = () => {
        const { namespace, id } = hosted() ?? {};
        tellFrame({ otpgateway: 'finished', namespace, id });
    };
    // During composition, Escape belongs to the input method.
    addEventListener('keydown', event => { if (event.key === 'Escape' && !event.isComposing) tellFrame({ otpgateway: 'cancelled' }); });

    // Browsers ignore autofocus in a cross-origin frame, so focus the field when the parent focuses the frame.
    const focusFirst = () => {
        if (parent !== window && document.hasFocus() && document.activeElement === document.body) document.querySelector('main [data-first]')?.focus();
    };
    addEventListener('focus', focusFirst);

    // Without a circuit, a hosted page polls the status and reloads when another device has changed it.
    const follow = async () => {
        const page = hosted();
        if (!page || 'finished' in page || 'over' in page || (document.documentElement.dataset.portal && !lineIsDown())) return;
        const address = `/otp/${page.namespace}/${encodeURIComponent(page.id)}`;
        try {
            const answer = await fetch(address + '/status');
            if (answer.status === 400 || (answer.ok && (await answer.json()).data.closed)) location.replace(address + page.query);
        } catch {
            // Retry with the next poll.
        }
    };

    // A disconnected circuit would swallow the submit event, so post the form instead.
    addEventListener('submit', event => {
        if (lineIsDown()) event.stopImmediatePropagation();
    }, true);

    // A disconnected circuit also misses input, so raise the events again after the reconnect.
    const tell = field => field.dispatchEvent(new Event('input', { bubbles: true }));
    const watchLine = () => {
        let wasDown = false;
        new MutationObserver(() => {
            const isDown = lineIsDown();
            if (wasDown && !isDown) document.querySelectorAll('main input[id]').forEach(tell);
            wasDown = isDown;
        }).observe(line() ?? document.body, { attributes: true, attributeFilter: ['class'] });
    };

    // Do not submit a form twice: the browser would discard the first response with its cookie. Typing a full code, which
    // submits the form, and then pressing Enter would do that.
    let sentAt = -Infinity;
    addEventListener('submit', event => {
        if (event.defaultPrevented) return;
        if (event.timeStamp - sentAt < 3000) event.preventDefault();
        else sentAt = event.timeStamp;
    });

    // The circuit replaces the prerendered form. Keep the text and the focus of a user who has begun to type
    // on a slow connection.
    const fields = new Map();
    let focused = null;
    const remember = () => {
        for (const field of document.querySelectorAll('main :is(input, button)[id]')) fields.set(field.id, field);
        focused = document.activeElement;
    };
    const carryOver = () => {
        for (const [id, old] of fields) {
            const field = document.getElementById(id);
            if (old.isConnected || !field) continue;
            fields.set(id, field);
            if (focused === old) {
                field.focus();
                focused = field;
            }
            if (field.localName === 'button' || old.value === old.defaultValue) continue;
            field.value = old.value;
            if (field.type === 'text') field.setSelectionRange(old.selectionStart, old.selectionEnd);
            tell(field);
        }
        paintCells();
    };

    // The cell that the next digit goes to. Without script, the cells are only a background.
    const paintCells = () => {
        for (const row of document.querySelectorAll('.portal-cells-row')) {
            const field = row.parentElement.querySelector('input');
            const at = document.activeElement === field ? Math.min(field.selectionStart, row.children.length - 1) : -1;
            [...row.children].forEach((cell, i) => cell.classList.toggle('portal-cell-next', i === at));
            row.parentElement.classList.toggle('portal-cells-full', field.value.length >= row.children.length);
        }
    };
    for (const change of ['selectionchange', 'focusin', 'focusout', 'input']) document.addEventListener(change, paintCells);

    // Times in the user's time zone.
    const showLocalTimes = () => {
        for (const time of document.querySelectorAll('time[data-local]:not([title])')) {
            time.title = new Date(time.dateTime).toLocaleString(document.documentElement.lang, { dateStyle: 'full', timeStyle: 'short' });
        }
    };

    // Times left. The server renders the first text, and writes another number of milliseconds when it renders the text again.
    const ends = new WeakMap();
    const countDown = () => {
        for (const element of document.querySelectorAll('[data-countdown]')) {
            const { countdown, text, after } = element.dataset;
            let end = ends.get(element);
            if (end?.countdown !== countdown) ends.set(element, end = { countdown, at: performance.now() + Number(countdown) });
            const seconds = Math.max(0, Math.ceil((end.at - performance.now()) / 1000));
            const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
            const shown = seconds === 0 && after ? after : text.replace('{0}', clock);
            // The circuit keeps this text node and writes to it, so it must stay.
            const node = element.firstChild;
            if (node.data !== shown) node.data = shown;
        }
    };

    // Submits a complete code.
    const digitsOf = text => text.replace(/[\s\p{Pd}\p{Cf}]/gu, '');
    let submitted = '';
    const submitWhenFull = field => {
        const length = Number(field.dataset?.codeLength);
        if (!length) return;
        const digits = digitsOf(field.value);
        if (digits.length !== length || !/^\p{Nd}+$/u.test(digits)) { submitted = ''; return; }
        if (digits === submitted) return;
        submitted = digits;
        // After the circuit has received the input event.
        setTimeout(() => field.isConnected && field.form?.requestSubmit(), 0);
    };
    addEventListener('input', event => {
        const field = event.target;
        // A pasted code may have separators, for which there are no cells.
        if (field.closest?.('.portal-cells') && !event.isComposing) {
            const digits = digitsOf(field.value);
            if (digits !== field.value) field.value = digits;
        }
        submitWhenFull(field);
        if (lineIsDown()) event.stopImmediatePropagation();
    }, true);

    // WebOTP: fills in a code from a text message that is bound to this site.
    const offerCode = () => {
        const field = document.querySelector('[data-code-length]');
        if (!field || !('OTPCredential' in window)) return;
        navigator.credentials.get({ otp: { transport: ['sms'] } }).then(otp => {
            field.value = otp.code;
            tell(field);
        }).catch(() => { });
    };

    addEventListener('DOMContentLoaded', () => {
        window.otpPortal.post(document.querySelector('form[data-submit-at-once]'));
        if ('finished' in (hosted() ?? {})) tellFinished();
        setInterval(follow, 1500);
        countDown();
        setInterval(countDown, 250);
        // The frame already has the focus when its next page loads.
        focusFirst();
        offerCode();
        watchLine();
        remember();
        paintCells();
        showLocalTimes();
        addEventListener('focusin', () => { focused = document.activeElement; });
        new MutationObserver(carryOver).observe(document.querySelector('main') ?? document.body, { childList: true, subtree: true });
        // The page works without a circuit, so it is shown first: Blazor's script has three quarters of all bytes. A hidden page
        // is never painted.
        if (document.hidden) startBlazor();
        else requestAnimationFrame(() => setTimeout(startBlazor));
    });

    const startBlazor = () => {
        const script = document.createElement('script');
        script.src = blazor;
        script.setAttribute('autostart', 'false');
        script.onload = () => window.Blazor.start({
            circuit: {
                // The circuit uses the page's language, also in a frame without the language cookie.
                configureSignalR: builder => builder.withUrl('_blazor?lang=' + document.documentElement.lang, { skipNegotiation: true, transport: 1 }),
                reconnectionOptions: { maxRetries: 60, retryIntervalMilliseconds: attempt => Math.min(500 * (attempt + 1), 5000) },
            },
        }).catch(() => { });
        document.head.append(script);
    };
})();
