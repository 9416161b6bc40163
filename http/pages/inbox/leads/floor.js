// The floor: agents, presence, load against maximum, now and at an earlier time.
import { html, useEffect, useLayoutEffect, useRef } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';
import { attempt } from '../data/toasts.js';
import { number, when } from '../basics/format.js';
import { agents, loadAgents } from '../data/people.js';
import { onEvent } from '../data/stream.js';
import { Board } from './board.js';

/** An agent's maximum. What is being typed stays while the table is drawn anew; what the server refuses, or an empty field, changes nothing. */
function Maximum({ agent, onSet }) {
  const box = useRef(null);
  const show = () => { box.current.value = agent.maximum; };
  useLayoutEffect(() => { if (document.activeElement !== box.current) show(); }, [agent.maximum]);
  async function set() {
    if (box.current.value === '' || !(await onSet({ max_concurrent_conversations: Number(box.current.value) }))) show();
  }
  return html`<input ref=${box} type="number" min="0" max="1000" aria-label=${t('Maximum of {name}', { name: agent.name ?? agent.user_id })} onChange=${set} />`;
}

export function Floor() {
  useEffect(() => {
    let due = 0;
    const soon = () => { clearTimeout(due); due = setTimeout(() => loadAgents().catch(() => null), 500); };
    soon();
    const stop = onEvent((event) => { if (event.type === 'agent:assigned' || event.type === 'conversation:status') soon(); });
    const timer = setInterval(soon, 15_000);
    return () => { stop(); clearTimeout(due); clearInterval(timer); };
  }, []);
  const all = [...agents.value.values()].sort((a, b) => ['online', 'away', 'offline'].indexOf(a.status) - ['online', 'away', 'offline'].indexOf(b.status) || String(a.name ?? a.user_id).localeCompare(b.name ?? b.user_id));
  const online = all.filter((a) => a.status === 'online');
  const set = async (id, changes) => {
    const made = await attempt(() => api.patch(`/v1/agent-preferences/${encodeURIComponent(id)}`, changes));
    if (made) await attempt(loadAgents);
    return made;
  };
  const sum = (name) => online.reduce((n, a) => n + a[name], 0);
  return html`<div class="admin-page"><h1>${t('Floor')}</h1>
    <div class="figures"><div class="figure"><b>${number(online.length)}</b>${t('online')}</div><div class="figure"><b>${number(all.filter((a) => a.status === 'away').length)}</b>${t('away')}</div><div class="figure"><b>${number(sum('active'))} / ${number(sum('maximum'))}</b>${t('conversations of agents online')}</div></div>
    <div class="table-box" tabindex="0" role="region" aria-label=${t('Agents')}><table><thead><tr>${[t('Agent'), t('Presence'), t('Conversations'), t('Maximum'), t('Takes new conversations'), t('Last seen')].map((h) => html`<th scope="col" key=${h}>${h}</th>`)}</tr></thead><tbody>
      ${all.map((a) => html`<tr key=${a.user_id}><td>${a.name ?? a.user_id}</td><td>${t(a.status)}</td><td>${number(a.active)}</td>
        <td><${Maximum} agent=${a} onSet=${(changes) => set(a.user_id, changes)} /></td>
        <td><input type="checkbox" aria-label=${t('{name} takes new conversations', { name: a.name ?? a.user_id })} checked=${a.is_available} onChange=${(e) => set(a.user_id, { is_available: e.target.checked })} /></td><td>${when(a.last_seen)}</td></tr>`)}
    </tbody></table></div>
    <${Board} /></div>`;
}
