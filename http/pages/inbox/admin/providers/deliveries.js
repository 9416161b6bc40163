// Messages to providers, and those that could not be delivered.
import { html, useState } from '../../basics/ui.js';
import { t } from '../../basics/i18n.js';
import { api } from '../../data/api.js';
import { full } from '../../basics/format.js';
import { change, Choice, Table, useList } from '../parts.js';

const STATES = () => ({ queued: t('Queued'), sent: t('Sent'), delivered: t('Delivered'), read: t('Read'), failed: t('Not delivered') });

export default function Deliveries() {
  const [status, setStatus] = useState('failed');
  const list = useList('/v1/deliveries', { status: status || undefined });
  return html`<h1>${t('Deliveries')}</h1><${Choice} label=${t('Status')} name="status" value=${status} onChange=${(e) => setStatus(e.target.value)} options=${[['failed', t('Not delivered')], ['queued', t('Queued')], ['sent', t('Sent')], ['', t('Any')]]} />
    <${Table} label=${t('Deliveries')} list=${list} empty=${status === 'failed' ? t('Nothing failed.') : undefined} columns=${[[t('Message'), (x) => html`<a href="#/inbox/all/${x.conversation_id}">${x.message_id.slice(0, 8)}…</a>`], [t('Status'), (x) => STATES()[x.status] ?? x.status], [t('Attempts'), (x) => x.attempts], [t('Reason'), (x) => (x.error ? `${x.error.code ?? ''} ${x.error.detail ?? ''}` : '')], [t('Time'), (x) => full(x.updated_at ?? x.created_at)], ['', (x) => x.status === 'failed' && html`<button type="button" onClick=${() => change(list, () => api.post(`/v1/deliveries/${x.message_id}/retry`), t('It is being sent again.'))}>${t('Send again')}</button>`]]} />`;
}
