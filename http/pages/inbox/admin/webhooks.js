// Event webhooks and their deliveries.
import { html, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';
import { attempt, say } from '../data/toasts.js';
import { full, number } from '../basics/format.js';
import { change, Check, Choice, Field, Form, isChecked, Remove, Secret, Table, useFault, useList, value } from './parts.js';

const STATES = () => ({ pending: t('Queued'), delivering: t('Sending …'), delivered: t('Delivered'), failed: t('Not delivered') });

/** The events that one may choose, as the API names them. */
const EVENTS = ['conversation:new', 'conversation:updated', 'conversation:status', 'conversation:message', 'conversation:handoff', 'agent:assigned', 'notification:assignment', 'notification:offer', 'notification:mention', 'notification:sla', 'notification:queue'];
const DAY = 24 * 3600 * 1000;

function Deliveries({ hook }) {
  const [status, setStatus] = useState('');
  const base = `/v1/event-webhooks/${hook.id}/deliveries`;
  const list = useList(base, { status: status || undefined });
  const [body, setBody] = useState(null);
  async function again() {
    const done = await attempt(() => api.post(`/v1/event-webhooks/${hook.id}/replay`, { since: new Date(Date.now() - DAY).toISOString() }));
    if (done) { say(t('{n} are being sent again.', { n: number(done.replayed) })); list.reload(); }
  }
  return html`<section aria-labelledby="deliveries-title"><h2 id="deliveries-title">${t('Deliveries to {url}', { url: hook.url })}</h2>
    <${Choice} label=${t('Status')} name="status" value=${status} onChange=${(e) => setStatus(e.target.value)} options=${[['', t('Any')], ...Object.entries(STATES())]} /><p><button type="button" onClick=${again}>${t('Send what failed in the last 24 hours again')}</button></p>
    <${Table} label=${t('Deliveries')} list=${list} columns=${[[t('Event'), (x) => x.event_type], [t('Status'), (x) => STATES()[x.status] ?? x.status], [t('Attempts'), (x) => x.attempts], [t('Answer'), (x) => `${x.response_status ?? ''} ${x.error ?? ''}`], [t('Time'), (x) => full(x.created_at)], ['', (x) => html`<button type="button" onClick=${async () => { const found = await attempt(() => api.get(`${base}/${x.id}`)); if (found) setBody(found); }}>${t('Show')}</button> <button type="button" onClick=${() => change(list, () => api.post(`${base}/${x.id}/replay`), t('It is being sent again.'))}>${t('Send again')}</button>`]]} />
    ${body && html`<pre tabindex="0">${JSON.stringify(body.payload, null, 2)}</pre>`}</section>`;
}

/** A new webhook, or a change of one. */
function Editor({ edited, onSaved, onDone }) {
  const save = async (form) => {
    const body = { url: value(form, 'url'), description: value(form, 'description') || null, event_types: EVENTS.filter((type) => isChecked(form, `event ${type}`)) };
    onSaved(await (edited ? api.patch(`/v1/event-webhooks/${edited.id}`, body) : api.post('/v1/event-webhooks', body)));
    if (edited) say(t('Saved.'));
  };
  const [attributes, fault] = useFault('event_types');
  return html`<${Form} onSubmit=${save} focus=${Boolean(edited)}>${edited && html`<h2>${t('Change {name}', { name: edited.url })}</h2>`}<${Field} label="URL" name="url" type="url" required value=${edited?.url} /><${Field} label=${t('Description')} name="description" maxlength="255" value=${edited?.description ?? ''} />
    <details open=${Boolean(edited?.event_types.length)}><summary>${t('Only some events')}</summary><fieldset tabindex="-1" ...${attributes}><legend>${t('Events; none means all but notifications')}</legend>${EVENTS.map((type) => html`<${Check} key=${type} label=${type} name=${`event ${type}`} checked=${edited?.event_types.includes(type)} />`)}${fault}</fieldset></details>
    <p><button class="primary">${edited ? t('Save') : t('Create a webhook')}</button>${edited && html` <button type="button" onClick=${onDone}>${t('Cancel')}</button>`}</p><//>`;
}

export default function Webhooks() {
  const list = useList('/v1/event-webhooks');
  const [secret, setSecret] = useState(null);
  const [opened, setOpened] = useState(null);
  const [edited, setEdited] = useState(null);
  const saved = (found) => { if (found.secret) setSecret(found.secret); setEdited(null); list.reload(); };
  const test = async (x) => { const r = await attempt(() => api.post(`/v1/event-webhooks/${x.id}/test`)); if (r) say(r.delivered ? t('Answered {status} in {ms} ms.', { status: r.response_status, ms: r.duration_ms }) : t('Not delivered: {reason}', { reason: r.error ?? r.response_status }), { kind: r.delivered ? 'info' : 'error' }); };
  const rotate = async (x) => { const r = confirm(t('Create a new secret? The old one also signs for a while.')) && await attempt(() => api.post(`/v1/event-webhooks/${x.id}/rotate-secret`)); if (r) { setSecret(r.secret); list.reload(); } };
  return html`<h1>${t('Event webhooks')}</h1>${secret ? html`<${Secret} title=${t('Signing secret')} values=${{ secret }} onClose=${() => setSecret(null)} />` : html`<${Editor} key=${edited?.id ?? 'new'} edited=${edited} onSaved=${saved} onDone=${() => setEdited(null)} />`}
    <${Table} label=${t('Event webhooks')} list=${list} columns=${[['URL', (x) => html`${x.url}${x.description && html`<br /><small dir="auto">${x.description}</small>`}`], [t('Events'), (x) => x.event_types.join(', ') || t('all')], [t('Active'), (x) => html`<input type="checkbox" aria-label=${t('{name} is on', { name: x.url })} checked=${x.is_active} onChange=${(e) => change(list, () => api.patch(`/v1/event-webhooks/${x.id}`, { is_active: e.target.checked }))} />${x.disabled_reason ? ` ${x.disabled_reason}` : ''}`], [t('Failing since'), (x) => (x.failing_since ? full(x.failing_since) : '')],
      ['', (x) => html`<button type="button" onClick=${() => test(x)}>${t('Test')}</button> <button type="button" aria-expanded=${opened?.id === x.id} onClick=${() => setOpened(opened?.id === x.id ? null : x)}>${t('Deliveries')}</button> <button type="button" onClick=${() => setEdited(x)}>${t('Change')}</button> <button type="button" onClick=${() => rotate(x)}>${t('New secret')}</button> <${Remove} what=${x.url} path=${`/v1/event-webhooks/${x.id}`} list=${list} />`]]} />
    ${opened && html`<${Deliveries} key=${opened.id} hook=${opened} />`}`;
}
