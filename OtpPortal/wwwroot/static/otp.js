// OTPGateway(namespace, id, onFinish, onCancel) opens a verification in a dialog on the page that loads this script:
//   <script id="otpgateway-script" src="https://otp.example.com/static/otp.js"></script>
// It needs the page's origin in EMBED_ORIGINS, and of a Content-Security-Policy no more than script-src and frame-src for the portal:
// styles are set by script alone, inside a shadow root, so that neither page's style sheet touches the other's.
(() => {
    'use strict';
    if (window.OTPGateway) return;
    const script = document.getElementById('otpgateway-script');
    if (!script?.src) throw new Error('otpgateway: the script tag needs the id "otpgateway-script" and a src');
    const root = new URL(script.src).origin;

    const css = `
        dialog { width: min(28rem, 100vw); height: min(38rem, 100dvh); max-width: none; max-height: none; margin: auto; padding: 0; border: 0;
            border-radius: 12px; overflow: hidden; background: #fff; box-shadow: 0 12px 48px rgb(0 0 0 / 35%); color-scheme: light dark; }
        dialog::backdrop { background: rgb(0 0 0 / 55%); }
        iframe { display: block; width: 100%; height: 100%; border: 0; opacity: 0; }
        .ready iframe { opacity: 1; }
        .wait { position: absolute; inset: 0; width: 2rem; height: 2rem; margin: auto; border: 3px solid #8888; border-top-color: #4340d2; border-radius: 50%; animation: turn 1s linear infinite; }
        .ready .wait { display: none; }
        button { position: absolute; z-index: 1; top: 4px; right: 4px; width: 44px; height: 44px; border: 0; border-radius: 8px; background: transparent; color: #555; font: 24px/1 system-ui, sans-serif; cursor: pointer; }
        button:focus-visible { outline: 3px solid #3a37b8; outline-offset: -3px; }
        @keyframes turn { to { transform: rotate(1turn); } }
        @media (max-width: 30rem) { dialog { width: 100vw; height: 100dvh; border-radius: 0; } }
        @media (prefers-color-scheme: dark) { dialog { background: #16161a; } button { color: #bbb; } }
        @media (prefers-reduced-motion: reduce) { .wait { animation: none; } }`;

    // How many dialogs are open, and how the page scrolled before the first one.
    let open = 0;
    let overflow = '';

    const make = (name, properties, parent) => parent.appendChild(Object.assign(document.createElement(name), properties));

    window.OTPGateway = (namespace, id, onFinish, onCancel) => {
        const host = make('div', {}, document.body);
        const shadow = host.attachShadow({ mode: 'closed' });
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(css);
        shadow.adoptedStyleSheets = [sheet];

        const dialog = make('dialog', { ariaLabel: 'Verification' }, shadow);
        const button = make('button', { type: 'button', ariaLabel: 'Close', textContent: '\u00d7' }, dialog);
        make('div', { className: 'wait' }, dialog);
        const query = new URLSearchParams({ view: 'popup', origin: location.origin });
        const frame = make('iframe', {
            title: 'Verification', allow: 'otp-credentials',
            src: `${root}/otp/${encodeURIComponent(namespace)}/${encodeURIComponent(id)}?${query}`,
        }, dialog);
        // The keys go where the code is typed.
        frame.onload = () => { dialog.className = 'ready'; frame.focus(); };

        let over = false;
        const end = (callback, ...values) => {
            if (over) return;
            over = true;
            removeEventListener('message', hear);
            dialog.close();
            host.remove();
            if (--open === 0) document.documentElement.style.overflow = overflow;
            callback?.(...values);
        };
        // From this dialog's own frame and from the portal's origin: any other page could send the same words.
        const hear = event => {
            if (event.source !== frame.contentWindow || event.origin !== root || !event.data) return;
            const { otpgateway, namespace: owner, id: which } = event.data;
            if (owner !== namespace || which !== id) return;
            if (otpgateway === 'finished') end(onFinish, namespace, id);
            if (otpgateway === 'cancelled') end(onCancel);
        };
        addEventListener('message', hear);

        button.onclick = () => end(onCancel);
        // Escape while the page around the frame has the focus.
        dialog.oncancel = event => { event.preventDefault(); end(onCancel); };
        // The backdrop belongs to the dialog itself; everything that can be seen of the dialog is covered by its children.
        dialog.onclick = event => { if (event.target === dialog) end(onCancel); };

        if (open++ === 0) {
            overflow = document.documentElement.style.overflow;
            document.documentElement.style.overflow = 'hidden';
        }
        dialog.showModal();
    };
})();
