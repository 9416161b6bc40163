// The queue: who waits, for how long, for whom.
import { html, useEffect, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { CHANNELS, contactName, now, number, PRIORITY, span } from '../basics/format.js';
import { conversation, load, peek } from '../data/conversations.js';
import { nameOf, teamName } from '../data/people.js';
import { onEvent } from '../data/stream.js';
import { Table, useList } from './parts.js';

function Name({ id }) {
  const [, setLoaded] = useState(false); // a conversation that is not known yet has no signal to wait for
  useEffect(() => { if (!peek(id)) load(id).then(() => setLoaded(true)).catch(() => null); }, [id]);
  const c = conversation(id)?.value;
  return html`<a href="#/inbox/queue/${id}">${c ? contactName(c) : `${id.slice(0, 8)}…`}</a>`;
}

export default function Queue() {
  const list = useList('/v1/queue');
  useEffect(() => {
    let due = 0;
    const stop = onEvent((event) => { if (event.type === 'queue:update' || event.type === 'agent:assigned') { clearTimeout(due); due = setTimeout(list.reload, 500); } });
    return () => { clearTimeout(due); stop(); };
  }, []);
  return html`<h1>${t('Queue')}${list.total === undefined ? '' : ` (${number(list.total)})`}</h1>
    <${Table} label=${t('Queue')} list=${list} empty=${t('Nobody waits.')} columns=${[
      ['#', (q) => q.position], [t('Customer'), (q) => html`<${Name} id=${q.conversation_id} />`], [t('Channel'), (q) => t(CHANNELS[q.requirements.channel_type] ?? q.requirements.channel_type)],
      [t('Waits'), (q) => span((now.value - new Date(q.waiting_since)) / 1000)], [t('Expected'), (q) => (q.estimated_wait_s === null ? '–' : span(q.estimated_wait_s))], [t('Priority'), (q) => PRIORITY()[q.priority]],
      [t('Needs'), (q) => [q.requirements.language, ...q.requirements.topics, q.requirements.team_id && teamName(q.requirements.team_id)].filter(Boolean).join(', ') || '–'], [t('Offered to'), (q) => (q.offered_to ? nameOf(q.offered_to) : '–')]]} />`;
}
