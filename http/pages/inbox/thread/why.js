// “Why me?” and “why still waiting?”: the routing's explain record in plain words.
import { html, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';
import { attempt } from '../data/toasts.js';
import { full, number, span } from '../basics/format.js';
import { agents, nameOf, teamName } from '../data/people.js';
import { can, user } from '../data/session.js';

const REASONS = () => ({
  unavailable: t('has switched off new conversations'), offline: t('is offline'), away: t('is away'), outside_hours: t('is outside working hours'),
  full: t('has the most conversations allowed'), team: t('is not in the team'), channel: t('does not serve this channel'), topic: t('does not serve this topic'),
  language: t('does not speak the language'), declined: t('has already been assigned or declined it'),
});
const BY = () => ({ routing: t('by routing'), manual: t('by hand'), takeover: t('taken over'), offer: t('by an accepted offer'), claim: t('taken') });

function Decision({ item }) {
  const { explain } = item;
  const candidates = explain?.candidates ?? [];
  const ranked = candidates.filter((x) => x.rank);
  return html`<li><p><b>${item.agent_id === user.value.userId ? t('You') : nameOf(item.agent_id)}</b> ${BY()[item.by] ?? item.by}, ${full(item.assigned_at)}${item.ended_at ? ` – ${full(item.ended_at)}` : ''}</p>
    ${explain && html`<p>${explain.sticky === item.agent_id ? t('The customer’s last agent comes first.')
      : explain.strategy === 'round_robin' ? t('The agent whose last assignment was longest ago comes first.') : t('The agent with the fewest conversations comes first, then the one idle longest.')}</p>
      <ol>${ranked.map((x) => html`<li key=${x.agent_id}>${nameOf(x.agent_id)}: ${t('{load} of {maximum} conversations', { load: x.load, maximum: x.maximum })}</li>`)}</ol>
      <ul>${candidates.filter((x) => x.reasons?.length).map((x) => html`<li key=${x.agent_id}>${nameOf(x.agent_id)} ${x.reasons.map((r) => REASONS()[r] ?? r).join(', ')}</li>`)}</ul>`}
    ${!explain && html`<p>${t('A person decided.')}</p>`}</li>`;
}

function Waiting({ place, c }) {
  const free = [...agents.value.values()].filter((a) => a.status === 'online' && a.is_available && a.active < a.maximum);
  return html`<div>
    <p>${place ? t('Position {position} of {total}; waiting for {time}.', { position: place.position, total: place.total, time: span((Date.now() - new Date(place.waiting_since)) / 1000) }) : c.queue_position ? t('Position {position}.', { position: c.queue_position }) : t('It is not in the queue.')}
      ${place?.estimated_wait_s !== null && place?.estimated_wait_s !== undefined ? ` ${t('About {time} left.', { time: span(place.estimated_wait_s) })}` : ''}</p>
    ${place && html`<p>${t('It needs an agent for: {needs}', { needs: [place.requirements.channel_type, place.requirements.language, ...place.requirements.topics, place.requirements.team_id && teamName(place.requirements.team_id)].filter(Boolean).join(', ') })}</p>`}
    ${place?.strategy === 'manual_queue' && html`<p>${t('This queue is manual: somebody has to take it.')}</p>`}
    ${place?.offered_to && html`<p>${t('It is offered to {agent} now.', { agent: nameOf(place.offered_to) })}</p>`}
    <p>${free.length ? t('Agents with room: {names}. Those that are not eligible do not match what it needs.', { names: free.map((a) => a.name ?? a.user_id).join(', ') }) : t('No agent who is online has room.')}</p>
    <ul>${[...agents.value.values()].filter((a) => !free.includes(a)).slice(0, 20).map((a) => html`<li key=${a.user_id}>${a.name ?? a.user_id} ${a.status !== 'online' ? REASONS()[a.status] : !a.is_available ? REASONS().unavailable : `${REASONS().full} (${number(a.active)}/${number(a.maximum)})`}</li>`)}</ul></div>`;
}

export function Why({ c }) {
  const [shown, setShown] = useState(null);
  const waits = !c.assignee_id && ['open', 'bot'].includes(c.status);
  async function load() {
    const found = await attempt(() => api.get(`/v1/conversations/${c.id}/assignments`));
    let place = null;
    if (waits && can('lead')) {
      const page = await attempt(() => api.get('/v1/queue', { limit: 100 }));
      const item = page?.items.find((x) => x.conversation_id === c.id);
      place = item ? { ...item, total: page.total } : null;
    }
    setShown(found ? { items: found.items, place } : null);
  }
  return html`<section aria-labelledby="why-title"><h2 id="why-title">${waits ? t('Why still waiting?') : t('Why this agent?')}</h2>
    <button type="button" onClick=${load}>${shown ? t('Ask again') : t('Explain')}</button>
    ${shown && html`<div class="why">${waits && html`<${Waiting} place=${shown.place} c=${c} />`}
      <ul>${[...shown.items].reverse().map((item) => html`<${Decision} key=${item.id} item=${item} />`)}</ul>${!waits && !shown.items.length && html`<p>${t('Nobody has been assigned yet.')}</p>`}</div>`}
  </section>`;
}
