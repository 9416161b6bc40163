// Lines over days. The plot library and its style sheet load with the first plot.
import { html, useLayoutEffect, useRef } from '../basics/ui.js';
import { number } from '../basics/format.js';
import { t } from '../basics/i18n.js';
import { preferences } from '../basics/preferences.js';

/** Steps of an axis: whole numbers for what is counted, and what reads well for seconds. */
const COUNTS = [1, 2, 5].flatMap((n) => [0, 1, 2, 3, 4, 5, 6, 7, 8].map((zeros) => n * 10 ** zeros)).sort((a, b) => a - b);
const SECONDS = [1, 5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 14_400, 43_200, ...[1, 2, 7, 14, 30].map((n) => n * 86_400)];
const SCORES = [0.5, 1];
export const STEPS = { counts: COUNTS, seconds: SECONDS, scores: SCORES };

function loadStyle() {
  if (document.getElementById('uplot-style')) return;
  document.head.append(Object.assign(document.createElement('link'), { id: 'uplot-style', rel: 'stylesheet', href: '/static/vendor/uplot/uplot.css' }));
}

/** `lines`: label and a value for each day, null where there is none. `shown`: a value as text. `steps`: one of STEPS. */
export function Plot({ title, days, lines, shown = number, steps = STEPS.counts }) {
  const box = useRef(null);
  useLayoutEffect(() => {
    let plot = null;
    let isCurrent = true;
    const fit = new ResizeObserver(() => plot?.setSize({ width: box.current.clientWidth, height: 220 }));
    (async () => {
      loadStyle();
      const { default: UPlot } = await import('/static/vendor/uplot/uplot.js');
      if (!isCurrent || !box.current) return;
      const style = getComputedStyle(document.documentElement);
      const color = (name) => style.getPropertyValue(name).trim();
      const colors = [color('--accent'), color('--good'), color('--warn'), color('--danger')];
      const axis = { stroke: color('--dim'), grid: { stroke: color('--soft') }, ticks: { stroke: color('--soft') } };
      const value = (u, v) => (v === null || v === undefined ? '–' : shown(v));
      plot = new UPlot({ width: box.current.clientWidth, height: 220, tzDate: (at) => UPlot.tzDate(new Date(at * 1000), 'UTC'),
        axes: [{ ...axis, values: (u, ticks) => ticks.map((at) => new Date(at * 1000).toISOString().slice(5, 10)), space: 60, incrs: [1, 2, 7, 14, 30].map((n) => n * 86_400) },
          { ...axis, size: 64, incrs: steps, values: (u, ticks) => ticks.map(shown) }],
        scales: { y: { range: (u, low, high) => [0, Math.max(1, high * 1.05)] } },
        series: [{ label: t('Day'), value: (u, at) => (at ? new Date(at * 1000).toISOString().slice(0, 10) : '–') },
          ...lines.map(([label], n) => ({ label, value, stroke: colors[n % colors.length], width: 2, spanGaps: true, points: { show: days.length < 40 } }))] },
      [days.map((d) => new Date(`${d}T00:00:00Z`) / 1000), ...lines.map(([, values]) => values)], box.current);
      fit.observe(box.current);
    })();
    return () => { isCurrent = false; fit.disconnect(); plot?.destroy(); };
  }, [JSON.stringify(lines), days.length, preferences.value.theme]);
  const said = lines.map(([label, values]) => { const last = values.findLast((v) => v !== null && v !== undefined); return `${label} ${last === undefined ? '–' : shown(last)}`; }).join(', ');
  return html`<figure class="plot"><figcaption>${title}</figcaption><div ref=${box} role="img" aria-label=${`${title}: ${said}`}></div></figure>`;
}
