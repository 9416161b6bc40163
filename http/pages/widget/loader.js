// The widget's loader: a button and, on first use, a frame of this server. See docs/guides/widget.md.
(() => {
  const script = document.currentScript;
  const server = new URL(script.src).origin;
  const { channel, language, theme, color, position, name, identifier, hash, token, button: wanted } = script.dataset;
  if (!channel || window.tertulia) return;

  const WORDS = {
    en: ['Open the chat', 'Close the chat', 'Chat', 'unread'], es: ['Abrir el chat', 'Cerrar el chat', 'Chat', 'sin leer'],
    am: ['ውይይቱን ክፈት', 'ውይይቱን ዝጋ', 'ውይይት', 'ያልተነበቡ'], ar: ['افتح المحادثة', 'أغلق المحادثة', 'محادثة', 'غير مقروءة'],
  };
  const spoken = [language, ...navigator.languages].map((l) => (l ?? '').slice(0, 2)).find((l) => WORDS[l]) ?? 'en';
  const [openWord, closeWord, title, unreadWord] = WORDS[spoken];
  const side = position === 'left' ? 'left' : 'right';
  const accent = /^#[0-9a-f]{6}$/i.test(color ?? '') ? color : '#0b6b5d';
  const brightness = [1, 3, 5].map((at) => (parseInt(accent.slice(at, at + 2), 16) / 255) ** 2.2);
  const ink = brightness[0] * 0.2126 + brightness[1] * 0.7152 + brightness[2] * 0.0722 > 0.18 ? '#000' : '#fff';
  const CSS = `
    :host { all: initial }
    button, iframe { position: fixed; ${side}: 20px; z-index: 2147483000; border: 0 }
    button { bottom: 20px; width: 56px; height: 56px; border-radius: 28px; padding: 14px; background: ${accent}; color: ${ink}; cursor: pointer; box-shadow: 0 3px 14px #0005 }
    button:focus-visible { outline: 3px solid #fff; box-shadow: 0 0 0 6px #000 }
    svg { width: 28px; height: 28px; display: block; fill: currentColor }
    span { position: absolute; top: -4px; right: -4px; min-width: 22px; box-sizing: border-box; padding: 0 6px; border-radius: 11px; background: #b3001b; color: #fff; font: 600 13px/22px system-ui, sans-serif }
    iframe { bottom: 88px; width: min(384px, calc(100vw - 40px)); height: min(640px, calc(100vh - 108px)); border-radius: 14px; box-shadow: 0 8px 40px #0006; background: Canvas }
    .full + button { visibility: hidden } .full { inset: 0 auto auto 0; width: 100%; height: 100%; border-radius: 0 }
    [hidden] { display: none }`;

  const kept = (area, value) => { // storage may be forbidden: then a reload starts closed
    try {
      return value === undefined ? window[area].getItem(`tertulia:${channel}`) : window[area].setItem(`tertulia:${channel}`, value);
    } catch { return null; }
  };
  const host = document.createElement('tertulia-widget');
  const root = host.attachShadow({ mode: 'open' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  root.adoptedStyleSheets = [sheet];
  const button = root.appendChild(document.createElement('button'));
  const icon = button.appendChild(document.createElementNS('http://www.w3.org/2000/svg', 'svg'));
  icon.setAttribute('viewBox', '0 0 24 24');
  icon.setAttribute('aria-hidden', 'true');
  icon.appendChild(document.createElementNS('http://www.w3.org/2000/svg', 'path')).setAttribute('d', 'M4 3h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2h-8l-5 4v-4H4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2z');
  const badge = button.appendChild(document.createElement('span'));
  button.hidden = wanted === 'none';

  let frame, port, unread = 0, isOpen = false, overflow = null;
  let identity = token || identifier ? { token, identifier, hash, name } : { name };
  const listeners = {};
  const emit = (event, detail) => { for (const listener of listeners[event] ?? []) listener(detail); };
  const early = [];
  const tell = (message) => (port ? port.postMessage(message) : early.push(message));
  const phone = matchMedia('(max-width: 480px), (max-height: 420px)');

  function label() {
    badge.hidden = !unread || isOpen;
    badge.textContent = unread > 99 ? '99+' : unread;
    button.setAttribute('aria-label', isOpen ? closeWord : badge.hidden ? openWord : `${openWord} (${unread} ${unreadWord})`);
    button.setAttribute('aria-expanded', isOpen);
  }

  function load() {
    if (frame) return;
    frame = document.createElement('iframe');
    frame.title = title;
    frame.hidden = !isOpen;
    if (server !== location.origin) frame.setAttribute('sandbox', 'allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox allow-downloads');
    frame.src = `${server}/widget/channels/${encodeURIComponent(channel)}`;
    root.insertBefore(frame, button);
    fit();
  }

  // On a phone the frame covers what the keyboard leaves free.
  function fit() {
    if (!frame) return;
    const full = isOpen && phone.matches;
    const view = window.visualViewport;
    frame.className = full ? 'full' : '';
    frame.style.height = full && view ? `${view.height}px` : '';
    frame.style.transform = full && view ? `translate(${view.offsetLeft}px, ${view.offsetTop}px)` : '';
    const page = document.documentElement.style;
    if (full) { overflow ??= page.overflow; page.overflow = 'hidden'; }
    else if (overflow !== null) { page.overflow = overflow; overflow = null; }
  }

  function show(opened) {
    if (opened === isOpen) return;
    isOpen = opened;
    load();
    frame.hidden = !isOpen;
    kept('sessionStorage', isOpen ? 'open' : '');
    label();
    fit();
    tell({ type: isOpen ? 'open' : 'close' });
    if (!isOpen) button.focus();
    emit(isOpen ? 'open' : 'close');
  }

  addEventListener('message', ({ source, origin, data }) => {
    if (!frame || source !== frame.contentWindow || origin !== server || data !== 'tertulia:ready') return;
    const pair = new MessageChannel();
    port = pair.port1;
    port.onmessage = ({ data: { type, detail } }) => {
      if (type === 'close') show(false);
      else if (type === 'started') kept('localStorage', detail ? '1' : '');
      else {
        if (type === 'unread') { unread = detail; label(); }
        emit(type, detail);
      }
    };
    source.postMessage({ type: 'tertulia:connect', channel, language: spoken, theme, accent: color && accent, identity, isOpen }, server, [pair.port2]);
    early.splice(0).forEach(tell);
  });
  button.onclick = () => show(!isOpen);
  button.onpointerenter = load;
  button.onfocus = load;
  for (const target of [phone, window.visualViewport]) for (const event of ['change', 'resize', 'scroll']) target?.addEventListener(event, fit);

  window.tertulia = {
    open: () => show(true),
    close: () => show(false),
    toggle: () => show(!isOpen),
    identify(given) { identity = { ...given }; tell({ type: 'identify', identity }); },
    forget() { identity = {}; kept('localStorage', ''); load(); tell({ type: 'forget' }); },
    on(event, listener) { (listeners[event] ??= new Set()).add(listener); return () => listeners[event].delete(listener); },
    get unread() { return unread; },
    get isOpen() { return isOpen; },
  };
  function begin() {
    label();
    document.body.appendChild(host);
    if (kept('sessionStorage') === 'open') show(true);
    else if (kept('localStorage')) (window.requestIdleCallback ?? setTimeout)(load); // somebody who has written: show what is unread
    dispatchEvent(new CustomEvent('tertulia:ready'));
  }
  if (document.body) begin(); else addEventListener('DOMContentLoaded', begin);
})();
