// Until when a reply or a resolution is due: asked of the server for what is on screen, again when a conversation has moved.
import { html, signal } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';
import { now, span } from '../basics/format.js';

const GATHER = 600; // ms
const MOST = 100; // of one call
const WITHOUT_TARGETS = 300_000; // ms until an account without targets is asked again
const KEPT = 2000;

const known = signal(new Map()); // conversation → {seq, clocks}
const wanted = new Map(); // conversation → seq
let timer = 0;
let quietUntil = 0;

async function fetchWanted() {
  timer = 0;
  const ids = [...wanted.keys()].slice(0, MOST);
  for (const id of ids) wanted.delete(id);
  try {
    const { items, has_targets: hasTargets } = await api.get('/v1/sla-clocks', { conversation_id: ids });
    if (!hasTargets) quietUntil = Date.now() + WITHOUT_TARGETS;
    const next = new Map([...known.peek(), ...items.map((item) => [item.conversation_id, item])]);
    known.value = next.size > KEPT ? new Map([...next].slice(-KEPT / 2)) : next;
  } catch { /* the next change asks again */ }
  if (wanted.size) timer = setTimeout(fetchWanted, GATHER);
}

const RUNS = new Set(['open', 'bot', 'assigned', 'pending']);

/** The running clocks of a conversation as they are known; asks for them if they may be older than it. */
function clocksOf(c) {
  const found = known.value.get(c.id);
  if (!RUNS.has(c.status)) return [];
  if ((!found || found.seq < c.seq) && wanted.get(c.id) !== c.seq && Date.now() > quietUntil) {
    wanted.set(c.id, c.seq);
    timer ||= setTimeout(fetchWanted, GATHER);
  }
  return found?.clocks ?? [];
}

const TARGET = () => ({ first_reply: t('first reply'), next_reply: t('next reply'), resolution: t('resolution') });

/** The clocks of a conversation; in the list the most urgent one alone. */
export function SlaClocks({ c, all = false }) {
  const clocks = clocksOf(c).filter((clock) => clock.due_at);
  return (all ? clocks : clocks.slice(0, 1)).map(({ target, warn_at: warnAt, due_at: dueAt }) => {
    const left = (new Date(dueAt) - now.value) / 1000;
    const state = left < 0 ? 'breach' : warnAt && new Date(warnAt) <= now.value ? 'warning' : 'running';
    return html`<span key=${target} class="sla ${state}" data-sla=${target} title=${TARGET()[target]}>${all ? `${TARGET()[target]}: ` : ''}${left < 0 ? t('SLA missed') : t('SLA in {time}', { time: span(left) })}</span>`;
  });
}
