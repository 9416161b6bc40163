// Suggested replies: shown above the composer; sent as they are, edited, rejected or drafted again. The server refuses a stale one.
import { html, Icon, signal, useEffect, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';
import { onEvent } from '../data/stream.js';
import { complain } from '../data/toasts.js';

const TONES = () => [['', t('as it is')], ['friendly', t('friendly')], ['formal', t('formal')], ['empathetic', t('empathetic')], ['professional', t('professional')], ['casual', t('casual')], ['neutral', t('neutral')]];
const LENGTHS = () => [['shorter', t('shorter')], ['same', t('as it is')], ['longer', t('longer')]];
const path = (id) => `/v1/conversations/${id}/suggestions`;
const pending = signal({}); // conversation → the suggestion that waits for a decision

const put = (id, suggestion) => { pending.value = { ...pending.peek(), [id]: suggestion }; };

async function load(id) {
  const { items } = await api.get(path(id));
  put(id, items.find((s) => s.status === 'pending') ?? null);
}

onEvent(({ type, data }) => {
  if (type !== 'conversation:suggestion' || !(data.conversation_id in pending.peek())) return;
  if (data.status === 'pending') load(data.conversation_id).catch(() => null);
  else if (pending.peek()[data.conversation_id]?.id === data.suggestion_id) put(data.conversation_id, null);
});

async function ask(id, wishes) {
  try {
    put(id, await api.post(path(id), wishes));
  } catch (error) {
    complain(error);
  }
}

/** Decide; a suggestion that somebody has overtaken or decided meanwhile disappears, and the toast says why. */
async function decide(suggestion, what, body) {
  try {
    await api.post(`${path(suggestion.conversation_id)}/${suggestion.id}/${what}`, body);
    put(suggestion.conversation_id, null);
  } catch (error) {
    complain(error);
    if (error.status === 409) load(suggestion.conversation_id).catch(() => null);
  }
}

/** The composer's button: a suggestion for an empty composer, an improvement of what is written. */
export function SuggestButton({ id, text }) {
  const [busy, setBusy] = useState(false);
  const label = text.trim() ? t('Improve my text') : t('Suggest a reply');
  const onClick = async () => {
    setBusy(true);
    await ask(id, text.trim() ? { draft: text } : {});
    setBusy(false);
  };
  return html`<button type="button" class="icon" disabled=${busy} aria-busy=${busy} aria-label=${label} title=${label} onClick=${onClick}><${Icon} name="spark" /></button>`;
}

export function Suggestion({ id }) {
  const s = pending.value[id];
  const [text, setText] = useState(null);
  const [tone, setTone] = useState('');
  const [length, setLength] = useState('same');
  const [busy, setBusy] = useState(false);
  useEffect(() => { put(id, pending.peek()[id] ?? null); load(id).catch(() => null); }, [id]);
  useEffect(() => setText(null), [s?.id]);
  if (!s) return null;
  const during = (work) => async () => { setBusy(true); await work(); setBusy(false); };
  const select = (label, value, set, options) => html`<label>${label} <select value=${value} onChange=${(e) => set(e.target.value)}>${options.map(([key, word]) => html`<option key=${key} value=${key}>${word}</option>`)}</select></label>`;
  return html`<section class="suggestion" aria-label=${t('Suggested reply')} aria-busy=${busy}>
    <header><b>${t('Suggested reply')}</b> <small>${t('{percent} % sure', { percent: Math.round(s.confidence * 100) })} · ${s.model}${s.failed_provider ? ` · ${t('{provider} failed: {reason}', { provider: s.failed_provider, reason: s.failed_reason })}` : ''}</small></header>
    ${text === null ? html`<p dir="auto">${s.body}</p>` : html`<textarea dir="auto" rows="4" aria-label=${t('Suggested reply')} value=${text} onInput=${(e) => setText(e.target.value)}></textarea>`}
    ${s.sources.length > 0 && html`<small>${t('Sources')}: ${s.sources.map((source, n) => html`<span key=${source.id}>[${n + 1}] ${source.title} </span>`)}</small>`}
    <div class="suggestion-end">
      <button type="button" class="primary" disabled=${busy || text !== null && !text.trim()} onClick=${during(() => decide(s, 'approve', text === null ? undefined : { content: text }))}>${text === null ? t('Send as it is') : t('Send edited')}</button>
      <button type="button" disabled=${busy} onClick=${() => setText(text === null ? s.body : null)}>${text === null ? t('Edit') : t('Discard changes')}</button>
      <button type="button" disabled=${busy} onClick=${during(() => decide(s, 'reject'))}>${t('Reject')}</button>
      <details><summary>${t('Draft again')}</summary>
        ${select(t('Tone'), tone, setTone, TONES())} ${select(t('Length'), length, setLength, LENGTHS())}
        <button type="button" disabled=${busy} onClick=${during(() => ask(id, { ...(tone ? { tone } : {}), length }))}>${t('Draft')}</button>
      </details>
    </div>
  </section>`;
}
