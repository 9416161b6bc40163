// Reports: figures of a period, of the account or by agent, team, channel and label, over time, and as CSV.
import { html, useEffect, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { channels, loadAgents, loadChannels, loadTeams, nameOf, teamName } from '../data/people.js';
import { Figure, Problem, useAnswer } from './answers.js';
import { download } from './csv.js';
import { number, span, STATUS } from '../basics/format.js';
import { Plot, STEPS } from './plot.js';
import { Suggestions } from './suggestions.js';

const DAY = 86_400_000;
const duration = (seconds) => ((seconds ?? null) === null ? '–' : span(seconds));
const missed = (x) => (x ? x.first_reply + x.next_reply + x.resolution : null);
const live = (x) => ['open', 'bot', 'assigned', 'pending'].reduce((sum, status) => sum + (x.statuses[status] ?? 0), 0);
const KINDS = () => ({ account: t('Overview'), agent: t('Agents'), team: t('Teams'), channel: t('Channels'), label: t('Labels'), suggestions: t('Suggested replies') });
const NAMES = {
  agent: nameOf,
  team: teamName,
  channel: (id) => channels.value.find((c) => c.id === id)?.name ?? `${id.slice(0, 8)}…`,
  label: (id) => id,
};

/** The columns of a table: head, the value as exported, how it is shown. Not every dimension has all. */
function columns(by) {
  const all = [
    ['conversations', t('Conversations'), (x) => x.conversations, number], ['now', t('Live now'), live, number], ['assigned', t('Assigned'), (x) => x.assigned, number],
    ['inbound', t('Messages in'), (x) => x.inbound, number], ['outbound', t('Messages out'), (x) => x.outbound, number], ['resolved', t('Resolved'), (x) => x.resolved, number],
    ['wait', t('Wait, median'), (x) => x.wait.p50_s, duration], ['first_reply_p50', t('First reply, median'), (x) => x.first_reply.p50_s, duration], ['first_reply_p90', t('First reply, 90 %'), (x) => x.first_reply.p90_s, duration],
    ['resolution_p50', t('Resolution, median'), (x) => x.resolution.p50_s, duration], ['sla', t('SLA missed'), (x) => missed(x.missed), number],
    ['csat', t('CSAT'), (x) => x.csat.average, (v) => number(v, 2)], ['scores', t('Scores'), (x) => x.csat.count, number],
  ];
  const without = { agent: ['inbound', 'wait'], team: ['assigned', 'inbound', 'outbound'], label: ['assigned', 'inbound', 'outbound'], channel: [] }[by];
  return all.filter(([name]) => !without.includes(name));
}

function DAYS() {
  return [['date', (d) => d.date], ['conversations', (d) => d.conversations], ['resolved', (d) => d.resolved], ['inbound', (d) => d.inbound], ['outbound', (d) => d.outbound],
    ['assigned', (d) => d.assigned], ['sla_missed_first_reply', (d) => d.missed.first_reply], ['sla_missed_next_reply', (d) => d.missed.next_reply], ['sla_missed_resolution', (d) => d.missed.resolution],
    ['wait_p50_s', (d) => d.wait_p50_s], ['first_reply_p50_s', (d) => d.first_reply_p50_s], ['resolution_p50_s', (d) => d.resolution_p50_s], ['csat_scores', (d) => d.csat_count], ['csat_average', (d) => d.csat_average]];
}

/** One item: its figures, and its plots. */
function Item({ by, id, name, period }) {
  const { found, failed, retry } = useAnswer('/v1/reports', { by, id, ...period });
  if (failed) return html`<${Problem} failed=${failed} retry=${retry} />`;
  if (!found) return html`<p class="loading" role="status">${t('Loading …')}</p>`;
  const [x] = found.items;
  const days = x.days.map((d) => d.date);
  const line = (label, of) => [label, x.days.map((d) => of(d) ?? null)];
  const some = (...values) => values.some((v) => (v ?? null) !== null);
  return html`<div class="figures" data-report>
      <${Figure} text=${t('New conversations')} shown=${number(x.conversations)} /><${Figure} text=${t('Resolved')} shown=${number(x.resolved)} /><${Figure} text=${t('Live now')} shown=${number(live(x))} />
      ${some(x.inbound) && html`<${Figure} text=${t('Messages in')} shown=${number(x.inbound)} />`}${some(x.outbound) && html`<${Figure} text=${t('Messages out')} shown=${number(x.outbound)} />`}
      ${some(x.assigned) && html`<${Figure} text=${t('Assigned')} shown=${number(x.assigned)} />`}
      ${x.wait.count > 0 && html`<${Figure} text=${t('Wait, median')} shown=${duration(x.wait.p50_s)} />`}
      <${Figure} text=${t('First reply, median')} shown=${duration(x.first_reply.p50_s)} /><${Figure} text=${t('First reply, 90 %')} shown=${duration(x.first_reply.p90_s)} />
      <${Figure} text=${t('Resolution, median')} shown=${duration(x.resolution.p50_s)} /><${Figure} text=${t('Resolution, 90 %')} shown=${duration(x.resolution.p90_s)} />
      <${Figure} text=${t('SLA missed')} shown=${number(missed(x.missed))} /><${Figure} text=${t('CSAT ({n} scores)', { n: number(x.csat.count) })} shown=${number(x.csat.average, 2)} /></div>
    ${days.length > 1 ? html`
      <${Plot} title=${t('Conversations by day')} days=${days} lines=${[line(t('New'), (d) => d.conversations), line(t('Resolved'), (d) => d.resolved), ...(some(x.assigned) ? [line(t('Assigned'), (d) => d.assigned)] : [])]} />
      ${some(x.outbound) && html`<${Plot} title=${t('Messages by day')} days=${days} lines=${[...(some(x.inbound) ? [line(t('In'), (d) => d.inbound)] : []), line(t('Out'), (d) => d.outbound)]} />`}
      <${Plot} title=${t('Median times by day')} days=${days} shown=${span} steps=${STEPS.seconds} lines=${[...(x.wait.count ? [line(t('Wait'), (d) => d.wait_p50_s)] : []), line(t('First reply'), (d) => d.first_reply_p50_s), line(t('Resolution'), (d) => d.resolution_p50_s)]} />
      <${Plot} title=${t('SLA targets missed by day')} days=${days} lines=${[line(t('First reply'), (d) => d.missed.first_reply), line(t('Next reply'), (d) => d.missed.next_reply), line(t('Resolution'), (d) => d.missed.resolution)]} />
      <${Plot} title=${t('CSAT by day')} days=${days} shown=${(v) => number(v, 2)} steps=${STEPS.scores} lines=${[line(t('Average score'), (d) => d.csat_average)]} />` : null}
    <p><button type="button" onClick=${() => download(`${name}.csv`, [DAYS().map(([head]) => head), ...x.days.map((d) => DAYS().map(([, cell]) => cell(d)))])}>${t('Export days as CSV')}</button></p>
    ${by === 'account' && html`<h2>${t('By status')}</h2><div class="figures">${Object.entries(x.statuses).map(([status, n]) => html`<${Figure} key=${status} text=${STATUS()[status] ?? status} shown=${number(n)} />`)}</div>`}`;
}

/** All items of a dimension; one of them can be opened. */
function Items({ by, period }) {
  const { found, failed, retry } = useAnswer('/v1/reports', { by, ...period });
  const [chosen, setChosen] = useState(null);
  if (failed) return html`<${Problem} failed=${failed} retry=${retry} />`;
  if (!found) return html`<p class="loading" role="status">${t('Loading …')}</p>`;
  if (!found.items.length) return html`<p class="empty">${t('Nothing happened here in this period.')}</p>`;
  const shown = columns(by);
  const name = NAMES[by];
  return html`<div class="table-box" tabindex="0" role="region" aria-label=${KINDS()[by]} data-items><table><thead><tr><th scope="col">${t('Name')}</th>${shown.map(([key, head]) => html`<th scope="col" class="number" key=${key}>${head}</th>`)}</tr></thead>
      <tbody>${found.items.map((x) => html`<tr key=${x.id}><th scope="row"><button type="button" class="link" aria-expanded=${chosen === x.id} onClick=${() => setChosen(chosen === x.id ? null : x.id)}>${name(x.id)}</button></th>
        ${shown.map(([key, , value, show]) => html`<td class="number" key=${key}>${show(value(x))}</td>`)}</tr>`)}</tbody></table></div>
    ${found.more > 0 && html`<p>${t('{n} more are left out.', { n: number(found.more) })}</p>`}
    <p><button type="button" onClick=${() => download(`${by}.csv`, [['id', 'name', ...shown.map(([key]) => key)], ...found.items.map((x) => [x.id, name(x.id), ...shown.map(([, , value]) => value(x))])])}>${t('Export as CSV')}</button></p>
    ${chosen && html`<section aria-labelledby="chosen-item" class="chosen-item"><h2 id="chosen-item">${name(chosen)}</h2><${Item} key=${chosen} by=${by} id=${chosen} name=${name(chosen)} period=${period} /></section>`}`;
}

export function Reports() {
  const [days, setDays] = useState(30);
  const [by, setBy] = useState('account');
  const [end] = useState(Date.now());
  useEffect(() => { Promise.allSettled([loadAgents(), loadTeams(), loadChannels()]); }, []);
  const period = { from: new Date(end - days * DAY).toISOString(), to: new Date(end).toISOString() };
  return html`<div class="admin-page reports"><h1>${t('Reports')}</h1>
    <label>${t('Period')} <select value=${days} onChange=${(e) => setDays(Number(e.target.value))}>${[1, 7, 30, 90].map((n) => html`<option key=${n} value=${n}>${n === 1 ? t('24 hours') : t('{n} days', { n })}</option>`)}</select></label>
    <div class="tabs" role="group" aria-label=${t('By')}>${Object.entries(KINDS()).map(([kind, text]) => html`<button type="button" key=${kind} aria-pressed=${kind === by} onClick=${() => setBy(kind)}>${text}</button>`)}</div>
    ${by === 'account' && html`<${Item} by="account" name="account" period=${period} />`}
    ${by === 'suggestions' && html`<${Suggestions} days=${days} />`}
    ${by in NAMES && html`<${Items} key=${by} by=${by} period=${period} />`}</div>`;
}
