// Event webhooks and their deliveries.
import { html, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';
import { attempt, say } from '../data/toasts.js';
import { full } from '../basics/format.js';
import { change, Field, Remove, Secret, Table, useList, value, words } from './parts.js';

const STATES = () => ({ pending: t('Queued'), delivering: t('Sending …'), delivered: t('Delivered'), failed: t('Not delivered') });

function Deliveries({ hook }) {
  const list = useList(`/v1/event-webhooks/${hook.id}/deliveries`);
  const [body, setBody] = useState(null);
  const base = `/v1/event-webhooks/${hook.id}/deliveries`;
  return html`<h2>${t('Deliveries to {url}', { url: hook.url })}</h2>
    <${Table} label=${t('Deliveries')} list=${list} columns=${[[t('Event'), (x) => x.event_type], [t('Status'), (x) => STATES()[x.status] ?? x.status], [t('Attempts'), (x) => x.attempts], [t('Answer'), (x) => `${x.response_status ?? ''} ${x.error ?? ''}`], [t('Time'), (x) => full(x.created_at)], ['', (x) => html`<button type="button" onClick=${async () => setBody(await attempt(() => api.get(`${base}/${x.id}`)))}>${t('Show')}</button> <button type="button" onClick=${() => change(list, () => api.post(`${base}/${x.id}/replay`), t('It is being sent again.'))}>${t('Send again')}</button>`]]} />
    ${body && html`<pre tabindex="0">${JSON.stringify(body.payload, null, 2)}</pre>`}`;
}

export default function Webhooks() {
  const list = useList('/v1/event-webhooks');
  const [secret, setSecret] = useState(null);
  const [opened, setOpened] = useState(null);
  const create = async (e) => {
    e.preventDefault();
    const form = e.target;
    const made = await attempt(() => api.post('/v1/event-webhooks', { url: value(form, 'url'), description: value(form, 'description') || null, event_types: words(value(form, 'types')) }));
    if (made) { form.reset(); setSecret(made.secret); list.reload(); }
  };
  const test = async (x) => { const r = await attempt(() => api.post(`/v1/event-webhooks/${x.id}/test`)); if (r) say(r.delivered ? t('Answered {status} in {ms} ms.', { status: r.response_status, ms: r.duration_ms }) : t('Not delivered: {reason}', { reason: r.error ?? r.response_status }), { kind: r.delivered ? 'info' : 'error' }); };
  const rotate = async (x) => { const r = confirm(t('Create a new secret? The old one also signs for a while.')) && await attempt(() => api.post(`/v1/event-webhooks/${x.id}/rotate-secret`)); if (r) { setSecret(r.secret); list.reload(); } };
  return html`<h1>${t('Event webhooks')}</h1>${secret ? html`<${Secret} title=${t('Signing secret')} values=${{ secret }} onClose=${() => setSecret(null)} />` : html`<form onSubmit=${create}><${Field} label="URL" name="url" type="url" required /><${Field} label=${t('Description')} name="description" /><${Field} label=${t('Events, comma separated; none means all')} name="types" /><button class="primary">${t('Create a webhook')}</button></form>`}
    <${Table} label=${t('Event webhooks')} list=${list} columns=${[['URL', (x) => x.url], [t('Events'), (x) => x.event_types.join(', ') || t('all')], [t('Active'), (x) => html`<input type="checkbox" aria-label=${t('{name} is on', { name: x.url })} checked=${x.is_active} onChange=${(e) => change(list, () => api.patch(`/v1/event-webhooks/${x.id}`, { is_active: e.target.checked }))} />${x.disabled_reason ? ` ${x.disabled_reason}` : ''}`], [t('Failing since'), (x) => (x.failing_since ? full(x.failing_since) : '')],
      ['', (x) => html`<button type="button" onClick=${() => test(x)}>${t('Test')}</button> <button type="button" onClick=${() => setOpened(opened?.id === x.id ? null : x)}>${t('Deliveries')}</button> <button type="button" onClick=${() => rotate(x)}>${t('New secret')}</button> <${Remove} what=${x.url} path=${`/v1/event-webhooks/${x.id}`} list=${list} />`]]} />
    ${opened && html`<${Deliveries} key=${opened.id} hook=${opened} />`}`;
}
