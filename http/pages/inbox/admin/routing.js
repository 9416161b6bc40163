// How conversations reach agents: who gets them, whose wait is worth more, what is dropped while they wait. And the shadow policy: another way to
// choose, which is compared with each decision and decides nothing.
import { html, useEffect, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';
import { full, number, PRIORITY } from '../basics/format.js';
import { nameOf, teams } from '../data/people.js';
import { attempt, say } from '../data/toasts.js';
import { amount, Choice, Field, Form, Rows, value } from './parts.js';

const MOST_STEPS = 10;
const EVERY = 10_000; // ms between looks at the counters
const HEAD_STARTS = ['urgent', 'high', 'normal'];
const STRATEGIES = () => [['least_busy', t('the least busy agent')], ['round_robin', t('agents in turn')], ['manual_queue', t('nobody: agents take them themselves')]];
const POLICIES = () => [['', t('none')], ['least_busy', t('the least busy agent')], ['round_robin', t('agents in turn')], ['longest_idle', t('who has waited longest for a conversation')], ['most_idle', t('who has the most free places among equals')], ['fastest_first', t('the fastest agent')]];
const DROPS = () => [['topics', t('the topics')], ['language', t('the language')], ['team', t('the team')]];
const at = (name) => `settings.routing.${name}`;

function routingOf(form, before) {
  const steps = [...form.querySelectorAll('[data-step]')];
  const team = value(form, 'overflow_team');
  return {
    ...before, strategy: value(form, 'strategy'), sticky_hours: amount(form, 'sticky_hours'), shadow_policy: value(form, 'shadow_policy') || null,
    head_start_minutes: Object.fromEntries(HEAD_STARTS.map((p) => [p, amount(form, `head ${p}`)])),
    relax: steps.map((step) => ({ after_minutes: step.querySelector('input').value === '' ? null : Number(step.querySelector('input').value), drop: step.querySelector('select').value })),
    overflow: team ? { after_minutes: amount(form, 'overflow_minutes'), team_id: team } : null,
  };
}

function Shadow() {
  const [found, setFound] = useState(null);
  useEffect(() => {
    const look = () => attempt(() => api.get('/v1/routing/shadow')).then((view) => view && setFound(view));
    look();
    const timer = setInterval(() => { if (!document.hidden) look(); }, EVERY);
    return () => clearInterval(timer);
  }, []);
  if (!found?.policy) return null;
  const name = POLICIES().find(([key]) => key === found.policy)?.[1] ?? found.policy;
  const table = (label, heads, rows) => html`<div class="table-box" tabindex="0" role="region" aria-label=${label}><table><thead><tr>${heads.map((head) => html`<th scope="col" key=${head}>${head}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`;
  return html`<section aria-labelledby="shadow-title" data-shadow><h2 id="shadow-title">${t('What the comparison found')}</h2>
    <p>${t('“{policy}”, since {date}', { policy: name, date: full(found.since) })}</p>
    <div class="figures"><div class="figure"><b>${number(found.decisions)}</b>${t('decisions')}</div><div class="figure"><b>${number(found.compared)}</b>${t('compared')}</div><div class="figure"><b>${number(found.agreed)}</b>${t('with the same agent')}</div><div class="figure"><b>${found.agreement === null ? '–' : `${number(found.agreement * 100, 1)} %`}</b>${t('agreement')}</div></div>
    ${found.agents.length > 0 && table(t('Agents'), [t('Agent'), t('Conversations they got'), t('They would have got')], found.agents.map((a) => html`<tr key=${a.user_id}><td>${nameOf(a.user_id)}</td><td>${number(a.got)}</td><td>${number(a.would_get)}</td></tr>`))}
    ${found.recent.length > 0 && html`<details><summary>${t('The last differences')}</summary>${table(t('The last differences'), [t('Time'), t('Conversation'), t('Went to'), t('Would have gone to')], found.recent.map((d) => html`<tr key=${`${d.conversation_id} ${d.at}`}><td>${full(d.at)}</td><td><a href="#/inbox/all/${d.conversation_id}">${d.conversation_id.slice(0, 8)}…</a></td><td>${nameOf(d.agent_id)}</td><td>${nameOf(d.shadow_agent_id)}</td></tr>`))}</details>`}</section>`;
}

export default function Routing() {
  const [account, setAccount] = useState(null);
  useEffect(() => { attempt(() => api.get('/v1/account')).then((found) => found && setAccount(found)); }, []);
  if (!account) return html`<p class="loading" role="status">${t('Loading …')}</p>`;
  const r = account.settings.routing;
  async function save(form) {
    setAccount(await api.patch('/v1/account', { settings: { routing: routingOf(form, r), offer_timeout_s: amount(form, 'offer_timeout_s') } }));
    say(t('Saved.'));
  }
  return html`<h1>${t('Routing')}</h1><${Form} onSubmit=${save}>
    <fieldset><legend>${t('New conversations')}</legend><${Choice} label=${t('Who gets a new conversation')} name="strategy" path=${at('strategy')} value=${r.strategy} options=${STRATEGIES()} />
      <${Field} label=${t('Hours for which a customer’s last agent comes first; 0 for never')} name="sticky_hours" path=${at('sticky_hours')} type="number" min="0" max="8760" required value=${r.sticky_hours} />
      <${Field} label=${t('Seconds to accept an offer')} name="offer_timeout_s" path="settings.offer_timeout_s" type="number" min="1" max="3600" required value=${account.settings.offer_timeout_s} /></fieldset>
    <fieldset><legend>${t('Whose turn it is')}</legend><p>${t('The minutes by which a conversation may arrive later than one of low priority and still go before it.')}</p>
      ${HEAD_STARTS.map((p) => html`<${Field} key=${p} label=${PRIORITY()[p]} name=${`head ${p}`} path=${at(`head_start_minutes.${p}`)} type="number" min="0" max="10080" required value=${r.head_start_minutes[p]} />`)}</fieldset>
    <fieldset><legend>${t('Who waits long')}</legend><p>${t('After some minutes, agents need no longer match everything that a conversation asks for.')}</p>
      <${Rows} items=${r.relax} most=${MOST_STEPS} add=${t('Add a step')} remove=${t('Remove this step')} row=${(step, n) => html`<div class="inline" data-step><${Field} label=${t('After minutes')} name="after" path=${at(`relax[${n}].after_minutes`)} type="number" min="1" max="525600" required value=${step?.after_minutes ?? ''} /><${Choice} label=${t('No longer matters')} name="drop" path=${at(`relax[${n}].drop`)} value=${step?.drop ?? 'topics'} options=${DROPS()} /></div>`} />
      <${Choice} label=${t('A team that then helps every other team')} name="overflow_team" path=${at('overflow.team_id')} value=${r.overflow?.team_id ?? ''} options=${[['', t('none')], ...teams.value.map((team) => [team.id, team.name])]} />
      <${Field} label=${t('After minutes of waiting')} name="overflow_minutes" path=${at('overflow.after_minutes')} type="number" min="1" max="525600" value=${r.overflow?.after_minutes ?? 20} /></fieldset>
    <fieldset><legend>${t('Comparison with another way')}</legend><p>${t('It decides nothing: the page counts where it would have chosen another agent.')}</p><${Choice} label=${t('What each decision is compared with')} name="shadow_policy" path=${at('shadow_policy')} value=${r.shadow_policy ?? ''} options=${POLICIES()} /></fieldset>
    <p><button class="primary">${t('Save')}</button></p><//><${Shadow} key=${`${r.shadow_policy} ${account.updated_at}`} />`;
}
