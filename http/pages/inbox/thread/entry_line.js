// What happened besides messages, as one line of the thread in plain words.
import { html } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { clock, full, PRIORITY, STATUS, when } from '../basics/format.js';
import { nameOf, teamName } from '../data/people.js';

const TARGET = () => ({ first_reply: t('first reply'), next_reply: t('next reply'), resolution: t('resolution') });
const OUTCOME = () => ({ accepted: t('accepted'), declined: t('declined'), timeout: t('not answered in time'), withdrawn: t('withdrawn') });

function actorName(actor) {
  if (actor.type === 'agent') return nameOf(actor.id);
  if (actor.type === 'contact') return t('the customer');
  return actor.type === 'bot' ? t('the bot') : actor.type === 'service' ? t('a service') : t('the system');
}

function changed(changes) {
  const said = [];
  for (const [name, value] of Object.entries(changes)) {
    if (name === 'labels') said.push(value.length ? t('labels: {labels}', { labels: value.join(', ') }) : t('no labels'));
    else if (name === 'priority') said.push(t('priority: {priority}', { priority: PRIORITY()[value] }));
    else if (name === 'team_id') said.push(value ? t('team: {team}', { team: teamName(value) }) : t('no team'));
    else if (name === 'snoozed_until') said.push(value ? t('snoozed until {time}', { time: when(value) }) : t('no longer snoozed'));
    else if (name === 'subject') said.push(t('subject: {subject}', { subject: value ?? '–' }));
    else if (name === 'archived_at') said.push(value ? t('archived') : t('taken out of the archive'));
    else if (name === 'contact_name') said.push(t('name: {name}', { name: value ?? '–' }));
    else if (name === 'bot_context') said.push(t('the bot noted: {text}', { text: Object.entries(value ?? {}).map(([k, v]) => `${k}: ${typeof v === 'string' ? v : JSON.stringify(v)}`).join(', ').slice(0, 200) }));
    else said.push(name.replace(/_/g, ' '));
  }
  return said.join(' · ');
}

export function wordsOf({ kind, actor, data }) {
  const who = actorName(actor);
  switch (kind) {
    case 'assigned':
      if (!data.agent_id) return t('{agent} no longer has it', { agent: nameOf(data.previous_agent_id) ?? '–' });
      return data.agent_id === actor.id ? t('{who} took it', { who }) : t('{who} assigned it to {agent}', { who, agent: nameOf(data.agent_id) });
    case 'status':
      return t('{who}: {from} → {to}', { who, from: STATUS()[data.from], to: STATUS()[data.to] }) + (data.reason ? ` (${data.reason})` : '');
    case 'offered': return t('offered to {agent}', { agent: nameOf(data.agent_id) });
    case 'offer_ended': return t('offer to {agent}: {outcome}', { agent: nameOf(data.agent_id), outcome: OUTCOME()[data.outcome] });
    case 'handoff': return t('a human was requested: {reason}', { reason: data.reason });
    case 'rated': return t('rated {score} of 5', { score: data.score }) + (data.comment ? `: ${data.comment}` : '');
    case 'sla': return data.state === 'breach' ? t('SLA missed: {target}', { target: TARGET()[data.target] }) : t('SLA soon missed: {target}', { target: TARGET()[data.target] });
    case 'leads_notified': return t('leads were told that nobody can take it');
    case 'edited': return t('{who} edited a message; it said: {text}', { who, text: data.previous_content.slice(0, 120) });
    case 'erased': return t('the customer was erased');
    case 'updated': return `${who}: ${changed(data)}`;
    default: return kind;
  }
}

export function EntryLine({ entry }) {
  return html`<p class="entry kind-${entry.kind}" data-seq=${entry.seq} dir="auto"><time datetime=${entry.at} title=${full(entry.at)}>${clock(entry.at)}</time> ${wordsOf(entry)}</p>`;
}
