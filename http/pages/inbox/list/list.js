// The list's rows: which conversations, in which order. What is shown never moves by itself while somebody points at it: changes of the
// order gather until the reader asks for them, or looks elsewhere.
import { signal } from '../basics/ui.js';
import { api } from '../data/api.js';
import { conversation, onChange, peek, putAll } from '../data/conversations.js';
import { user } from '../data/session.js';
import { onReset, state as streamState } from '../data/stream.js';

const PAGE = 100;
const SETTLE = 150; // ms
const LIVE = ['open', 'bot', 'assigned', 'pending'];
export const OVER = ['resolved', 'closed', 'expired'];
const RANK = { low: 0, normal: 1, high: 2, urgent: 3 };

export const VIEWS = {
  mine: { query: () => ({ assignee_id: 'me', status: ['assigned', 'pending'] }) },
  unassigned: { query: () => ({ assignee_id: 'none', status: ['open', 'bot'] }) },
  queue: { query: () => ({ assignee_id: 'none', status: ['open'] }), sort: 'waiting_since:asc' },
  all: { query: () => ({ status: LIVE }) },
};
export const NO_FILTER = { status: [], team_id: '', channel_type: '', label: '', priority: '', q: '', sort: 'last_message_at:desc' };

export const view = signal('mine');
export const filter = signal(NO_FILTER);
/** What is on screen, by id. */
export const rows = signal([]);
/** How many changes of the order wait. */
export const waiting = signal(0);
export const loading = signal(false);
export const failed = signal(null);
export const more = signal(false);
/** When the first page was last proved complete, ms; null while it is not. */
export const provedAt = signal(null);

let members = new Set();
let stirred = new Set();
let cursor = null;
let held = false;
/** Whether rows must stay where they are. An empty list has none. */
const isHeld = () => held && rows.peek().length > 0;
let round = 0;
let due = 0;

export function queryOf(name, chosen) {
  const own = VIEWS[name].query();
  const { q, sort, ...rest } = chosen;
  const status = chosen.status.length ? chosen.status : own.status;
  return { ...own, ...rest, status, q: q.trim() || undefined, sort: VIEWS[name].sort ?? sort };
}

/** Whether a known conversation belongs on the list. A search's hits are the server's to find. */
function belongs(c, query) {
  return (!query.assignee_id || (query.assignee_id === 'me' ? c.assignee_id === user.value.userId : !c.assignee_id))
    && query.status.includes(c.status)
    && (!query.team_id || c.team_id === query.team_id)
    && (!query.channel_type || c.channel_type === query.channel_type)
    && (!query.label || c.labels.includes(query.label))
    && (!query.priority || c.priority === query.priority)
    && (!query.contact_id || c.contact_id === query.contact_id);
}

function keyOf(c, key) {
  if (key === 'priority') return RANK[c.priority];
  return c[key] ?? c.created_at; // `waiting_since` is the server's: its order is kept, new ones come last
}

function sorted(query) {
  const [key, way] = query.sort.split(':');
  const turn = way === 'asc' ? 1 : -1;
  const items = [...members].map(peek).filter(Boolean);
  if (key === 'waiting_since') return items.map((c) => c.id);
  return items.map((c) => [keyOf(c, key), c.id])
    .sort(([a, i], [b, j]) => (a < b ? -turn : a > b ? turn : i < j ? -turn : turn)).map(([, id]) => id);
}

/** Put the waiting changes on screen. */
export function settle() {
  const query = queryOf(view.peek(), filter.peek());
  for (const id of members) {
    const c = peek(id);
    if (!c || (!query.q && !belongs(c, query))) members.delete(id);
  }
  stirred = new Set();
  waiting.value = 0;
  const next = sorted(query);
  const shown = rows.peek();
  if (next.length !== shown.length || next.some((id, n) => id !== shown[n])) rows.value = next;
}

/** The reader points at the list, or has scrolled: nothing may move. */
export function hold(wanted) {
  held = wanted;
  if (!held && stirred.size) settle();
}

function stir(id) {
  stirred.add(id);
  if (isHeld()) waiting.value = stirred.size;
  else if (!due) due = setTimeout(() => { due = 0; if (isHeld()) waiting.value = stirred.size; else settle(); }, SETTLE);
}

const before = new Map(); // id → its sort key when it was last placed
let isPage = false; // what changes is a page of the server's list, in its order: none of it is news
onChange((id) => {
  const query = queryOf(view.peek(), filter.peek());
  if (query.q) return; // a search shows what it found
  const c = peek(id);
  const fits = belongs(c, query);
  const key = keyOf(c, query.sort.split(':')[0]);
  if (isPage) {
    if (fits) members.add(id);
  } else if (fits !== members.has(id)) {
    if (fits) members.add(id);
    stir(id); // one that no longer fits stays until the list settles
  } else if (fits && before.get(id) !== key) {
    stir(id);
  }
  before.set(id, key);
});

async function fetchPage(mine) {
  const page = await api.get('/v1/conversations', { ...queryOf(view.peek(), filter.peek()), limit: PAGE, cursor });
  if (mine !== round) return;
  cursor = page.next_cursor;
  more.value = Boolean(cursor);
  isPage = true;
  putAll(page.items);
  isPage = false;
  for (const { id } of page.items) members.add(id);
}

/** Load anew: another view or filter, or continuity was lost. What is on screen stays until the answer is here. */
export async function reload({ keep = false } = {}) {
  const mine = (round += 1);
  const wasLoaded = keep ? members.size : 0;
  loading.value = true;
  failed.value = null;
  provedAt.value = null;
  cursor = null;
  if (!keep) rows.value = [];
  members = new Set();
  try {
    do await fetchPage(mine); while (mine === round && cursor && members.size < wasLoaded);
    if (mine !== round) return;
    provedAt.value = Date.now();
    if (keep && isHeld()) {
      const shown = new Set(rows.peek());
      waiting.value = Math.max(stirred.size, [...members].filter((id) => !shown.has(id)).length);
    } else settle();
  } catch (error) {
    if (mine === round) failed.value = error;
  } finally {
    if (mine === round) loading.value = false;
  }
}

let under_way = null;
/** Load the next page, below what is on screen. */
export function loadMore() {
  if (!cursor || loading.peek()) return under_way;
  const mine = round;
  loading.value = true;
  const had = new Set(members);
  under_way = fetchPage(mine).then(() => {
    if (mine !== round) return;
    const shown = new Set(rows.peek());
    rows.value = [...shown, ...[...members].filter((id) => !had.has(id) && !shown.has(id) && peek(id))];
  }).catch(() => null).finally(() => { if (mine === round) loading.value = false; });
  return under_way;
}

export function show(name, chosen = filter.peek()) {
  view.value = name;
  filter.value = chosen;
  return reload();
}

/** The id after (or before) `id` in the order on screen. */
export function neighbour(id, step) {
  const all = rows.peek();
  const at = all.indexOf(id);
  return all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + step))] ?? null;
}

onReset(() => reload({ keep: true }));
/** 'fresh' only while the stream is live and the list was loaded without a gap since. */
export const freshness = () => (streamState.value === 'live' && provedAt.value !== null ? 'fresh' : streamState.value === 'live' ? 'catching-up' : streamState.value);
export const signalOf = (id) => conversation(id);
