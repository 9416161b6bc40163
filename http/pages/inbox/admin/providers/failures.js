// Calls of providers that could not be taken in, with replay.
import { html, useState } from '../../basics/ui.js';
import { t } from '../../basics/i18n.js';
import { api } from '../../data/api.js';
import { attempt, say } from '../../data/toasts.js';
import { full, size } from '../../basics/format.js';
import { channelName } from '../../data/people.js';
import { Table, useList } from '../parts.js';

export default function Failures() {
  const list = useList('/v1/inbound-failures');
  const [shown, setShown] = useState(null);
  async function replay(x) {
    const done = await attempt(() => api.post(`/v1/inbound-failures/${x.id}/replay`));
    if (!done) return;
    if (done.failure.replayed_at) say(t('Replayed.'));
    else say(t('It still cannot be processed: {reason}', { reason: done.faults.map((f) => f.reason).join('; ') || done.failure.reason }), { kind: 'error', ms: 10_000 });
    list.reload();
  }
  return html`<h1>${t('Failures')}</h1><p>${t('Calls from providers that this server could not process. Nothing is lost: replay them once the cause is fixed.')}</p>
    <${Table} label=${t('Failures')} list=${list} empty=${t('Nothing failed.')} columns=${[[t('Time'), (x) => full(x.at)], [t('Channel'), (x) => channelName(x.channel_id) ?? x.channel_id], [t('Reason'), (x) => x.reason], [t('Size'), (x) => size(x.size)], [t('Replayed'), (x) => (x.replayed_at ? full(x.replayed_at) : '')], ['', (x) => html`<button type="button" onClick=${async () => setShown(await attempt(() => api.get(`/v1/inbound-failures/${x.id}`)))}>${t('Show')}</button> <button type="button" onClick=${() => replay(x)}>${t('Replay')}</button>`]]} />
    ${shown && html`<pre tabindex="0">${JSON.stringify(shown, null, 2)}</pre>`}`;
}
