// The queue: who waits, for how long, for whom.
import { html, useEffect } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { CHANNELS, now, number, PRIORITY, span } from '../basics/format.js';
import { nameOf, teamName } from '../data/people.js';
import { onEvent } from '../data/stream.js';
import { ConversationLink } from '../leads/conversation_link.js';
import { Table, useList } from './parts.js';

export default function Queue() {
  const list = useList('/v1/queue');
  useEffect(() => {
    let due = 0;
    const stop = onEvent((event) => { if (event.type === 'queue:update' || event.type === 'agent:assigned') { clearTimeout(due); due = setTimeout(list.reload, 500); } });
    return () => { clearTimeout(due); stop(); };
  }, []);
  return html`<h1>${t('Queue')}${list.total === undefined ? '' : ` (${number(list.total)})`}</h1>
    <${Table} label=${t('Queue')} list=${list} empty=${t('Nobody waits.')} columns=${[
      ['#', (q) => q.position], [t('Customer'), (q) => html`<${ConversationLink} id=${q.conversation_id} view="queue" />`], [t('Channel'), (q) => t(CHANNELS[q.requirements.channel_type] ?? q.requirements.channel_type)],
      [t('Waits'), (q) => span((now.value - new Date(q.waiting_since)) / 1000)], [t('Expected'), (q) => (q.estimated_wait_s === null ? '–' : span(q.estimated_wait_s))], [t('Priority'), (q) => PRIORITY()[q.priority]],
      [t('Needs'), (q) => [q.requirements.language, ...q.requirements.topics, q.requirements.team_id && teamName(q.requirements.team_id)].filter(Boolean).join(', ') || '–'], [t('Offered to'), (q) => (q.offered_to ? nameOf(q.offered_to) : '–')]]} />`;
}
