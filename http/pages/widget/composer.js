// Where a customer writes: a text that a reload does not lose, and files by button, drop and paste.
import { html, signal, useLayoutEffect, useRef, useState } from './ui.js';
import { size, t } from './i18n.js';
import { api, store } from './session.js';
import { send, typed } from './conversation.js';

const MOST_FILES = 10;
const MOST_TEXT = 65_536;

const attached = signal([]);
export const dropping = signal(false);
const change = (key, part) => { attached.value = attached.peek().map((a) => (a.key === key ? { ...a, ...part } : a)); };
let files = 0;

export function attach(list, most) {
  for (const file of [...list].slice(0, MOST_FILES - attached.peek().length)) {
    const key = (files += 1);
    const isTooLarge = file.size > most;
    attached.value = [...attached.peek(), { key, name: file.name, size: file.size, problem: isTooLarge ? t('At most {size}', { size: size(most) }) : null, made: null }];
    if (isTooLarge) continue;
    api.post(`/v1/attachments?name=${encodeURIComponent(file.name.slice(0, 255))}`, file)
      .then((made) => change(key, { made }), (error) => change(key, { problem: error.message }));
  }
}

const Attached = () => attached.value.length > 0 && html`<ul class="attached">${attached.value.map((a) => html`<li key=${a.key} data-state=${a.made ? 'ready' : a.problem ? 'failed' : 'uploading'}>
  <span>${a.name} · ${a.problem ? html`<span class="problem" role="alert">${a.problem}</span>` : a.made ? size(a.size) : t('Uploading …')}</span>
  <button type="button" class="icon" aria-label=${t('Remove {name}', { name: a.name })} onClick=${() => { attached.value = attached.peek().filter((x) => x !== a); }}>×</button></li>`)}</ul>`;

export function Composer({ settings, box, onSend = null, label = null, isPlain = false }) {
  const [text, setText] = useState(store.get('draft') ?? '');
  const picker = useRef(null);
  useLayoutEffect(() => {
    const { style } = box.current;
    style.height = 'auto';
    style.height = `${Math.min(box.current.scrollHeight + 2, 160)}px`;
  }, [text]);
  const isReady = attached.value.every((a) => a.made);
  const canSend = (text.trim() || attached.value.length) && isReady;

  function edit(value) {
    setText(value);
    store.set('draft', value || null);
    if (value) typed();
  }
  function submit() {
    if (!canSend) return;
    const made = attached.peek().map((a) => a.made);
    const content = text.trim() || made.map((a) => a.name).join(', ');
    const sent = made.map(({ url, name, content_type: type, size: bytes }) => ({ url, name, content_type: type, size: bytes }));
    if (onSend && !onSend(content, sent)) return;
    if (!onSend) send(content, sent);
    attached.value = [];
    edit('');
    box.current?.focus();
  }
  const files = settings.attachments;
  return html`<div class="composer">
    <${Attached} />
    <div class="write">
      <label class=${label ? 'label' : 'visually-hidden'} for="message">${label ?? t('Your message')}</label>
      <textarea id="message" ref=${box} rows=${isPlain ? 4 : 1} dir="auto" maxlength=${MOST_TEXT} value=${text} placeholder=${isPlain ? null : t('Write a message …')}
        onInput=${(e) => edit(e.target.value)}
        onKeyDown=${(e) => { if (e.key === 'Enter' && !e.shiftKey && !e.isComposing && !isPlain) { e.preventDefault(); submit(); } }}
        onPaste=${(e) => { if (files && e.clipboardData.files.length) { e.preventDefault(); attach(e.clipboardData.files, settings.max_attachment); } }}></textarea>
      ${files && html`<input type="file" multiple hidden ref=${picker} onChange=${(e) => { attach(e.target.files, settings.max_attachment); e.target.value = ''; }} />
        <button type="button" class="icon" aria-label=${t('Attach files')} title=${t('Attach files')} onClick=${() => picker.current.click()}><svg viewBox="0 0 16 16" aria-hidden="true"><path d="M13 7.5 8 12.6a3 3 0 0 1-4.3-4.3l5.4-5.4a2 2 0 0 1 2.9 2.9l-5.3 5.3a1 1 0 0 1-1.5-1.5l4.7-4.7" /></svg></button>`}
      <button type=${onSend ? 'submit' : 'button'} class="send" disabled=${!canSend} onClick=${(e) => { e.preventDefault(); submit(); }} aria-label=${isPlain ? null : t('Send')}>${isPlain ? t('Send') : html`<svg class="arrow" viewBox="0 0 16 16" aria-hidden="true"><path d="M2 8h11M9 3.5 13.5 8 9 12.5" /></svg>`}</button>
    </div>
  </div>`;
}
