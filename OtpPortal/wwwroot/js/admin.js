// Enhances the administration. Confirmations and times use it; the component library and the circuits do everything else.
(() => {
    'use strict';

    // A native dialog keeps the focus inside, closes on Escape, and returns the focus.
    window.otpAdmin = {
        ask: dialog => dialog?.isConnected && !dialog.open && dialog.showModal(),
        close: dialog => dialog?.isConnected && dialog.close(),
    };

    // Times in the user's time zone, with UTC in the title. Text nodes are changed, not replaced, because a circuit updates them
    // later; it then writes UTC again.
    const styles = {
        hours: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
        minutes: { dateStyle: 'medium', timeStyle: 'short' },
        seconds: { dateStyle: 'medium', timeStyle: 'medium' },
    };
    const formats = new Map();
    const format = (style, instant) => {
        if (!formats.has(style)) formats.set(style, new Intl.DateTimeFormat(document.documentElement.lang, styles[style] ?? styles.minutes));
        return formats.get(style).format(instant);
    };
    const showLocalTimes = () => {
        for (const time of document.querySelectorAll('time[data-local]')) {
            const instant = new Date(time.dateTime);
            const text = time.firstChild;
            if (!text || Number.isNaN(instant.getTime())) continue;
            const local = format(time.dataset.local, instant);
            if (text.nodeValue === local) continue;
            text.nodeValue = local;
            time.title = instant.toISOString().slice(0, 19).replace('T', ' ') + ' UTC';
        }
        for (const hint of document.querySelectorAll('[data-time-zone]')) {
            const local = hint.dataset.timeZone.replace('{0}', Intl.DateTimeFormat().resolvedOptions().timeZone);
            if (hint.textContent !== local) hint.textContent = local;
        }
    };

    // Copies the text of an element.
    const offerCopy = () => {
        for (const button of document.querySelectorAll('[data-copy]')) {
            button.hidden = !navigator.clipboard;
            button.addEventListener('click', async () => {
                await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
                const text = button.querySelector('span');
                text.role = 'status';
                text.textContent = button.dataset.copied;
            });
        }
    };

    showLocalTimes();
    offerCopy();
    new MutationObserver(showLocalTimes).observe(document.body,
        { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ['datetime'] });
})();
