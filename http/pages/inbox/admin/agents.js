// Agents: which conversations each of them takes, and when; admins remove those who have left.
import { html, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';
import { CHANNELS, number } from '../basics/format.js';
import { agents, loadAgents, nameOf } from '../data/people.js';
import { attempt, say } from '../data/toasts.js';
import { can, user } from '../data/session.js';
import { Schedule, scheduleOf } from './hours.js';
import { amount, Check, Field, Form, isChecked, Table, useFault, useList, value, words } from './parts.js';

const own = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

function Channels({ chosen }) {
  const [attributes, fault] = useFault('available_channels');
  return html`<fieldset tabindex="-1" ...${attributes}><legend>${t('Channels; none means any')}</legend>${Object.entries(CHANNELS).map(([type, text]) => html`<${Check} key=${type} label=${t(text)} name=${`channel ${type}`} checked=${chosen.includes(type)} />`)}${fault}</fieldset>`;
}

/** The form of what an agent takes, with `p` as the server has it. */
export function WorkFields({ p, mine = false }) {
  return html`<${Check} label=${mine ? t('Assign me new conversations') : t('Receives new conversations')} name="is_available" checked=${p.is_available} /><${Check} label=${mine ? t('Without asking me') : t('Without being asked first')} name="auto_accept" checked=${p.auto_accept} />
    <${Field} label=${t('Conversations at once')} name="max_concurrent_conversations" type="number" min="0" max="1000" required value=${p.max_concurrent_conversations} />
    <${Field} label=${t('Languages, comma separated; none means any')} name="languages" value=${p.languages.join(', ')} /><${Field} label=${t('Topics, comma separated; none means any')} name="available_topics" value=${p.available_topics.join(', ')} />
    <${Channels} chosen=${p.available_channels} />
    <fieldset><legend>${t('Working hours; without any, at any time')}</legend><${Schedule} blocks=${p.available_hours?.schedule ?? []} path="available_hours.schedule" /><${Field} label=${t('Time zone of these hours')} name="timezone" path="available_hours.timezone" required maxlength="64" value=${p.available_hours?.timezone ?? own()} /></fieldset>`;
}

export function workOf(form) {
  const schedule = scheduleOf(form);
  return {
    is_available: isChecked(form, 'is_available'), auto_accept: isChecked(form, 'auto_accept'), max_concurrent_conversations: amount(form, 'max_concurrent_conversations'),
    languages: words(value(form, 'languages')), available_topics: words(value(form, 'available_topics')), available_channels: Object.keys(CHANNELS).filter((type) => isChecked(form, `channel ${type}`)),
    available_hours: schedule.length ? { timezone: value(form, 'timezone'), schedule } : null,
  };
}

function Change({ p, onDone, onSaved }) {
  async function save(form) {
    await api.patch(`/v1/agent-preferences/${encodeURIComponent(p.user_id)}`, workOf(form));
    say(t('Saved.'));
    onSaved();
  }
  return html`<${Form} onSubmit=${save} focus aria-labelledby="agent-title"><h2 id="agent-title">${t('Change {name}', { name: nameOf(p.user_id) })}</h2><${WorkFields} p=${p} />
    <p><button class="primary">${t('Save')}</button> <button type="button" onClick=${onDone}>${t('Cancel')}</button></p><//>`;
}

/** Why an agent cannot be removed: the conversations that are assigned to them. */
function Held({ refused }) {
  return html`<div class="problem" role="alert"><p>${t('{name} still holds conversations. Reassign, release or resolve them first.', { name: nameOf(refused.id) })}</p><ul>${refused.assigned.map((id) => html`<li key=${id}><a href="#/inbox/all/${id}">${id.slice(0, 8)}…</a></li>`)}</ul></div>`;
}

export default function Agents() {
  const list = useList('/v1/agent-preferences');
  const [edited, setEdited] = useState(null);
  const [refused, setRefused] = useState(null);
  const known = agents.value;
  async function remove(id) {
    setRefused(null);
    if (!confirm(t('Remove {name}? Preferences, team memberships and drafts are deleted; messages stay.', { name: nameOf(id) }))) return;
    await attempt(async () => {
      try {
        await api.delete(`/v1/agents/${encodeURIComponent(id)}`);
      } catch (error) {
        if (!error.current?.assigned) throw error;
        setRefused({ id, assigned: error.current.assigned });
        return;
      }
      say(t('Removed.'));
      await Promise.all([list.reload(), loadAgents()]);
    });
  }
  const any = (texts) => texts.join(', ') || t('any');
  return html`<h1>${t('Agents')}</h1><p>${t('Who has signed in here once, or was added to a team. Somebody who was removed is an agent again once they sign in.')}</p>
    ${edited && html`<${Change} key=${edited.user_id} p=${edited} onDone=${() => setEdited(null)} onSaved=${() => { setEdited(null); list.reload(); loadAgents().catch(() => null); }} />`}${refused && html`<${Held} refused=${refused} />`}
    <${Table} label=${t('Agents')} list=${list} columns=${[[t('Agent'), (p) => nameOf(p.user_id)], [t('Presence'), (p) => t(known.get(p.user_id)?.status ?? 'offline')], [t('Conversations'), (p) => `${number(known.get(p.user_id)?.active ?? 0)} / ${number(p.max_concurrent_conversations)}`], [t('Takes new conversations'), (p) => (p.is_available ? t('yes') : t('no'))],
      [t('Languages'), (p) => any(p.languages)], [t('Topics'), (p) => any(p.available_topics)], [t('Channels'), (p) => any(p.available_channels.map((c) => t(CHANNELS[c] ?? c)))],
      ['', (p) => html`<button type="button" aria-label=${t('Change {name}', { name: nameOf(p.user_id) })} onClick=${() => setEdited(p)}>${t('Change')}</button> ${can('admin') && p.user_id !== user.value.userId && html`<button type="button" class="danger" aria-label=${t('Remove {name}', { name: nameOf(p.user_id) })} onClick=${() => remove(p.user_id)}>${t('Remove')}</button>`}`]]} />`;
}
