// The board at an earlier time, as the routing journal has it: who was there, who held how many, who waited.
import { html, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { full, number } from '../basics/format.js';
import { nameOf } from '../data/people.js';
import { Figure, Problem, Sheet, useAnswer } from './answers.js';
import { ConversationLink } from './conversation_link.js';

const AT_ONCE = 20; // waiting conversations; each name that is not known yet is a call
const local = (at) => new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19); // as the field has it

export function Board() {
  const [at, setAt] = useState(null);
  function show(event) {
    event.preventDefault();
    const wanted = new Date(event.currentTarget.elements.at.value);
    if (!Number.isNaN(wanted.getTime())) setAt(wanted.toISOString());
  }
  return html`<section aria-labelledby="board-title" data-board><h2 id="board-title">${t('At an earlier time')}</h2>
    <p>${t('Who was there, who held how many conversations, and who waited.')}</p>
    <form class="inline" onSubmit=${show}><label>${t('Time')} <input type="datetime-local" name="at" step="1" required onFocus=${(e) => { e.target.max = local(new Date()); }} defaultValue=${local(new Date(Date.now() - 3_600_000)).slice(0, 16)} /></label><button>${t('Show')}</button></form>
    ${at && html`<${At} key=${at} at=${at} />`}</section>`;
}

function At({ at }) {
  const { found, failed, retry } = useAnswer('/v1/routing/board', { at });
  const [shown, setShown] = useState(AT_ONCE);
  if (failed?.status === 404) return html`<p class="empty">${t('Nothing was recorded before this time.')}</p>`;
  if (failed) return html`<${Problem} failed=${failed} retry=${retry} />`;
  if (!found) return html`<p class="loading" role="status">${t('Loading …')}</p>`;
  const more = found.waiting.length - shown;
  return html`<h3>${full(found.at)}</h3>
    <div class="figures"><${Figure} text=${t('online')} shown=${number(found.agents.filter((a) => a.status === 'online').length)} /><${Figure} text=${t('conversations of agents')} shown=${number(found.held)} /><${Figure} text=${t('conversations waiting')} shown=${number(found.queued)} /></div>
    ${found.agents.length > 0 && html`<${Sheet} label=${t('Agents at this time')} numeric=${[2, 3, 4]} heads=${[t('Agent'), t('Presence'), t('Conversations'), t('Offers'), t('Maximum'), t('Takes new conversations')]}
      rows=${found.agents.map((a) => [a.user_id, nameOf(a.user_id), t(a.status), number(a.active), number(a.offered), number(a.maximum), a.is_available ? t('yes') : t('no')])} />`}
    ${found.waiting.length > 0 && html`<h3>${t('Waiting, in the order of the queue')}</h3><ol>${found.waiting.slice(0, shown).map((id) => html`<li key=${id}><${ConversationLink} id=${id} /></li>`)}</ol>
      ${more > 0 && html`<p><button type="button" onClick=${() => setShown(shown + AT_ONCE)}>${t('Show more')}</button></p>`}
      ${found.queued > found.waiting.length && html`<p>${t('{n} more are left out.', { n: number(found.queued - found.waiting.length) })}</p>`}`}`;
}
