// Calls of providers that could not be taken in, with replay.
import { html, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';
import { attempt } from '../data/toasts.js';
import { full, size } from '../basics/format.js';
import { channelName } from '../data/people.js';
import { change, Table, useList } from './parts.js';

export default function Failures() {
  const list = useList('/v1/inbound-failures');
  const [shown, setShown] = useState(null);
  return html`<h1>${t('Failures')}</h1><p>${t('Calls from providers that this server could not process. Nothing is lost: replay them once the cause is fixed.')}</p>
    <${Table} label=${t('Failures')} list=${list} empty=${t('Nothing failed.')} columns=${[[t('Time'), (x) => full(x.at)], [t('Channel'), (x) => channelName(x.channel_id) ?? x.channel_id], [t('Reason'), (x) => x.reason], [t('Size'), (x) => size(x.size)], [t('Replayed'), (x) => (x.replayed_at ? full(x.replayed_at) : '')], ['', (x) => html`<button type="button" onClick=${async () => setShown(await attempt(() => api.get(`/v1/inbound-failures/${x.id}`)))}>${t('Show')}</button> <button type="button" onClick=${() => change(list, () => api.post(`/v1/inbound-failures/${x.id}/replay`), t('Replayed.'))}>${t('Replay')}</button>`]]} />
    ${shown && html`<pre tabindex="0">${JSON.stringify(shown, null, 2)}</pre>`}`;
}
