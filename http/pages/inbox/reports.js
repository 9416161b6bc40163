// Reports: figures of a period, plots over time (the plot library loads here alone), and export as CSV.
import { html, useEffect, useLayoutEffect, useRef, useState } from './ui.js';
import { t } from './i18n.js';
import { api } from './api.js';
import { number, span, STATUS } from './format.js';
import { agents } from './people.js';
import { preferences } from './preferences.js';

const DAY = 86_400_000;
const duration = (seconds) => (seconds === null || seconds === undefined ? '–' : span(seconds));

/** Lines over days. The style sheet and the library load with the first plot. */
function Plot({ title, days, lines }) {
  const box = useRef(null);
  useLayoutEffect(() => {
    let plot = null;
    let isCurrent = true;
    (async () => {
      if (!document.getElementById('uplot-style')) {
        const link = Object.assign(document.createElement('link'), { id: 'uplot-style', rel: 'stylesheet', href: '/static/vendor/uplot/uplot.css' });
        document.head.append(link);
      }
      const { default: UPlot } = await import('/static/vendor/uplot/uplot.js');
      if (!isCurrent || !box.current) return;
      const style = getComputedStyle(document.documentElement);
      const color = (name) => style.getPropertyValue(name).trim();
      const colors = [color('--accent'), color('--good'), color('--warn'), color('--danger')];
      const axis = { stroke: color('--dim'), grid: { stroke: color('--soft') }, ticks: { stroke: color('--soft') } };
      plot = new UPlot({ width: box.current.clientWidth, height: 230, axes: [axis, axis], scales: { y: { range: (u, low, high) => [0, Math.max(1, high)] } },
        series: [{}, ...lines.map(([label], n) => ({ label, stroke: colors[n % colors.length], width: 2, points: { show: days.length < 40 } }))] },
      [days.map((d) => new Date(`${d}T00:00:00Z`) / 1000), ...lines.map(([, values]) => values)], box.current);
    })();
    return () => { isCurrent = false; plot?.destroy(); };
  }, [JSON.stringify(lines), days.length, preferences.value.theme]);
  return html`<figure class="plot"><figcaption>${title}</figcaption><div ref=${box} role="img" aria-label=${`${title}: ${lines.map(([label, values]) => `${label} ${values.reduce((a, b) => a + (b ?? 0), 0)}`).join(', ')}`}></div></figure>`;
}

const quoted = (value) => { const text = String(value ?? ''); const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text; return /[",\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe; };
function download(name, rows) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([`\uFEFF${rows.map((row) => row.map(quoted).join(',')).join('\r\n')}`], { type: 'text/csv' }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

function AgentsTable({ period }) {
  const [rows, setRows] = useState(null);
  useEffect(() => {
    let isCurrent = true;
    (async () => {
      const made = [];
      for (const agent of [...agents.value.values()].slice(0, 200)) {
        const stats = await api.get(`/v1/agents/${encodeURIComponent(agent.user_id)}/stats`, period).catch(() => null);
        if (!isCurrent) return;
        if (stats && (stats.assigned || stats.messages || stats.resolved)) made.push({ name: agent.name ?? agent.user_id, ...stats });
      }
      setRows(made);
    })();
    return () => { isCurrent = false; };
  }, [period.from, period.to]);
  const head = [t('Agent'), t('Assigned'), t('Resolved'), t('Messages'), t('First reply, median'), t('First reply, 90 %'), t('CSAT'), t('Scores')];
  const cells = (r) => [r.name, r.assigned, r.resolved, r.messages, r.first_reply.p50_s, r.first_reply.p90_s, r.csat.average, r.csat.count];
  if (!rows) return html`<p class="loading" role="status">${t('Loading …')}</p>`;
  return html`<h2>${t('By agent')}</h2><div class="table-box" tabindex="0" role="region" aria-label=${t('By agent')}><table><thead><tr>${head.map((h) => html`<th scope="col" key=${h}>${h}</th>`)}</tr></thead><tbody>
    ${rows.map((r) => html`<tr key=${r.user_id}><td>${r.name}</td><td class="number">${number(r.assigned)}</td><td class="number">${number(r.resolved)}</td><td class="number">${number(r.messages)}</td><td class="number">${duration(r.first_reply.p50_s)}</td><td class="number">${duration(r.first_reply.p90_s)}</td><td class="number">${number(r.csat.average, 2)}</td><td class="number">${number(r.csat.count)}</td></tr>`)}</tbody></table></div>
    <p><button type="button" onClick=${() => download('agents.csv', [head, ...rows.map(cells)])}>${t('Export as CSV')}</button></p>`;
}

export function Reports() {
  const [days, setDays] = useState(30);
  const [stats, setStats] = useState(null);
  const [failed, setFailed] = useState(null);
  const [period, setPeriod] = useState(null);
  useEffect(() => {
    const end = new Date();
    const made = { from: new Date(end - days * DAY).toISOString(), to: end.toISOString() };
    setStats(null);
    setPeriod(made);
    api.get('/v1/conversations/stats', made).then((found) => { setStats(found); setFailed(null); }).catch(setFailed);
  }, [days]);
  const figure = (text, shown) => html`<div class="figure" key=${text}><b>${shown}</b>${text}</div>`;
  const volume = stats?.volume;
  return html`<div class="admin-page"><h1>${t('Reports')}</h1>
    <label>${t('Period')} <select value=${days} onChange=${(e) => setDays(Number(e.target.value))}>${[1, 7, 30, 90].map((n) => html`<option key=${n} value=${n}>${t('{n} days', { n })}</option>`)}</select></label>
    ${failed && html`<p class="problem" role="alert">${failed.message}</p>`}
    ${!stats && !failed && html`<p class="loading" role="status">${t('Loading …')}</p>`}
    ${stats && html`<div class="figures" data-report>
      ${figure(t('New conversations'), number(volume?.conversations))}${figure(t('Messages in'), number(volume?.inbound))}${figure(t('Messages out'), number(volume?.outbound))}
      ${figure(t('First reply, median'), duration(stats.first_reply?.p50_s))}${figure(t('First reply, 90 %'), duration(stats.first_reply?.p90_s))}${figure(t('Resolution, median'), duration(stats.resolution?.p50_s))}${figure(t('Resolution, 90 %'), duration(stats.resolution?.p90_s))}
      ${figure(t('CSAT ({n} scores)', { n: number(stats.csat?.count ?? 0) }), number(stats.csat?.average, 2))}${figure(t('Waiting now'), number(stats.queue?.waiting))}</div>
      ${volume?.days?.length > 0 && html`<${Plot} title=${t('New conversations by day')} days=${volume.days.map((d) => d.date)} lines=${[[t('Conversations'), volume.days.map((d) => d.conversations)]]} />
        <${Plot} title=${t('Messages by day')} days=${volume.days.map((d) => d.date)} lines=${[[t('In'), volume.days.map((d) => d.inbound)], [t('Out'), volume.days.map((d) => d.outbound)]]} />
        <p><button type="button" onClick=${() => download('days.csv', [['date', 'conversations', 'inbound', 'outbound'], ...volume.days.map((d) => [d.date, d.conversations, d.inbound, d.outbound])])}>${t('Export as CSV')}</button></p>`}
      <h2>${t('By status')}</h2><div class="figures">${Object.entries(stats.by_status ?? stats.statuses ?? {}).map(([name, n]) => figure(STATUS()[name] ?? name, number(n)))}</div>
      <${AgentsTable} period=${period} />`}</div>`;
}
