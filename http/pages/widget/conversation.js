// The thread: messages by id, each once, whether they come with a page, an event, or the answer to having been sent; and what is unsent.
import { batch, computed, signal } from './ui.js';
import { isOpen, tell } from './host_page.js';
import { api, hasSession, person, Problem, renew, store } from './session.js';
import * as stream from './stream.js';

const PAGE = 50;
const TYPING_FOR = 7000;
const TYPING_EVERY = 3000;
const MOST_SHOWN = 500;

/** Messages, oldest first. */
export const messages = signal([]);
/** What the server has not confirmed: {key, content, attachments, form, at, problem}. */
export const outbox = signal([]);
/** {status, agentName, position, wait, canRate, id}; null before the first message. */
export const standing = signal(null);
export const typing = signal(null);
export const hasOlder = signal(false);
export const loaded = signal(false);
/** Up to which message the customer has read: [created_at, seq]. */
const seen = signal(null);

const later = (a, b) => (a[0] === b[0] ? a[1] > b[1] : a[0] > b[0]);
const placeOf = (m) => [m.created_at, m.seq];
const inOrder = (a, b) => (a.conversation_id === b.conversation_id ? a.seq - b.seq : later(placeOf(a), placeOf(b)) ? 1 : -1);
export const unread = computed(() => (seen.value === null ? 0 : messages.value.filter((m) => m.sender_type !== 'contact' && later(placeOf(m), seen.value)).length));

function add(items) {
  const known = new Map(messages.peek().map((m) => [m.id, m]));
  const fresh = items.filter((m) => !known.has(m.id));
  for (const m of items) known.set(m.id, m);
  batch(() => {
    messages.value = [...known.values()].sort(inOrder).slice(-MOST_SHOWN);
    settle(new Set(items.map((m) => m.client_message_id)));
  });
  return fresh;
}

function amend({ id, content, edited_at: editedAt }) {
  messages.value = messages.peek().map((m) => (m.id === id ? { ...m, content, metadata: { ...m.metadata, edited_at: editedAt } } : m));
}

/** The customer looks at the end of the thread. */
export function markSeen() {
  const newest = messages.peek().at(-1);
  if (!newest || (seen.peek() && !later(placeOf(newest), seen.peek()))) return;
  seen.value = placeOf(newest);
  store.set('seen', seen.value);
}

addEventListener('storage', () => { // another tab has read, or sent
  const other = store.get('seen');
  if (other && (!seen.peek() || later(other, seen.peek()))) seen.value = other;
});

function hear(event) {
  const { type, data } = event;
  if (type === 'conversation:message') {
    const [fresh] = add([data]);
    if (fresh && fresh.sender_type !== 'contact') {
      typing.value = null;
      tell('message', { id: fresh.id, content: fresh.content, sender_type: fresh.sender_type, created_at: fresh.created_at });
    }
    if (standing.peek()?.id !== data.conversation_id || data.metadata?.csat_ask) refresh();
  } else if (type === 'conversation:updated' && data.message) amend(data.message);
  else if (type === 'conversation:typing') hearTyping(data);
  else if (type === 'queue:update' && standing.peek()?.id === data.conversation_id) standing.value = { ...standing.peek(), position: data.position, wait: data.estimated_wait_s };
  else if (['conversation:status', 'agent:assigned', 'conversation:handoff'].includes(type)) refresh();
}

let typingEnds = 0;
function hearTyping({ user_id: id, name, state }) {
  if (id === me()) return;
  clearTimeout(typingEnds);
  typing.value = state === 'start' ? { name } : null;
  if (state === 'start') typingEnds = setTimeout(() => { typing.value = null; }, TYPING_FOR);
}

let mine = null;
const me = () => mine;

let refreshing = null;
let again = false;
/** Where the conversation stands, from the server. */
export function refresh() {
  again = Boolean(refreshing);
  refreshing ??= readStanding().catch(() => null).finally(() => { refreshing = null; if (again) refresh(); });
  return refreshing;
}

async function readStanding() {
  again = false;
  const found = await api.get('/v1/webchat/conversation');
  const c = found.conversation;
  mine = c?.contact_identifier ?? mine;
  standing.value = c && { id: c.id, status: c.status, agentName: found.agent_name, position: c.queue_position, wait: found.estimated_wait_s, canRate: found.can_rate };
  tell('started', Boolean(c));
}

/** The newest page, and everything between it and what is here. */
async function fetchNew() {
  const { items, has_more: more } = await api.get(`/v1/webchat/messages?limit=${PAGE}`);
  const isFirst = !messages.peek().length;
  const high = messages.peek().at(-1);
  add(items);
  if (isFirst) hasOlder.value = more;
  const [first] = items;
  if (!isFirst && first && high?.conversation_id === first.conversation_id) {
    for (let after = high.seq; after < first.seq - 1;) {
      const page = await api.get(`/v1/webchat/messages?limit=200&after_seq=${after}`);
      add(page.items);
      if (!page.has_more) break;
      after = page.items.at(-1).seq;
    }
  }
}

export async function older() {
  const [first] = messages.peek();
  const page = await api.get(`/v1/conversations/${first.conversation_id}/messages?limit=${PAGE}&before_seq=${first.seq}`);
  hasOlder.value = page.has_more && messages.peek().length < MOST_SHOWN;
  add(page.items);
}

async function catchUp() {
  try {
    await Promise.all([fetchNew(), refresh()]);
    if (seen.peek() === null) markSeen();
    loaded.value = true;
  } catch (error) {
    if (!(error instanceof Problem)) setTimeout(catchUp, 3000); // offline: the stream's state says so
    else loaded.value = true;
  }
}

/** Show the thread of whoever the session is for. */
export function begin() {
  stream.stop();
  batch(() => {
    messages.value = [];
    standing.value = typing.value = null;
    hasOlder.value = loaded.value = false;
    seen.value = store.get('seen');
    outbox.value = (store.get('outbox') ?? []).map((m) => ({ ...m, problem: null }));
  });
  mine = person.peek();
  if (!hasSession()) { loaded.value = true; return; }
  renew();
  stream.start(hear, catchUp);
  for (const { key } of outbox.peek()) deliver(key);
}

// -- sending

let turn = Promise.resolve(); // messages leave in order
function keepOutbox(items) {
  outbox.value = items;
  store.set('outbox', items.length ? items.map(({ problem, ...m }) => m) : null);
}
function settle(keys) {
  if (outbox.peek().some((m) => keys.has(m.key))) keepOutbox(outbox.peek().filter((m) => !keys.has(m.key)));
}
const mark = (key, problem) => { outbox.value = outbox.peek().map((m) => (m.key === key ? { ...m, problem } : m)); };

/** Show a message at once and send it; it stays until the server has it, and survives a reload. */
export function send(content, attachments = [], form = {}) {
  const key = crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
  keepOutbox([...outbox.peek(), { key, content, attachments, form, at: new Date().toISOString(), problem: null }]);
  stopTyping();
  return deliver(key);
}

export function retry(key) {
  mark(key, null);
  return deliver(key);
}
export const discard = (key) => keepOutbox(outbox.peek().filter((m) => m.key !== key));

function deliver(key) {
  turn = turn.then(() => post(key));
  return turn;
}

async function post(key) {
  const message = outbox.peek().find((m) => m.key === key);
  if (!message) return; // it came with an event, or was discarded
  const { content, attachments, form } = message;
  try {
    const made = await api.postOnce('/v1/webchat/messages', { content, attachments, form, client_message_id: key });
    mine = made.sender_id;
    add([made]);
    markSeen();
    tell('started', true);
    stream.start(hear, catchUp);
    if (standing.peek()?.id !== made.conversation_id || standing.peek().status !== 'open') refresh();
  } catch (error) {
    mark(key, error instanceof Problem ? error.message : 'offline');
  }
}

addEventListener('online', () => { for (const m of outbox.peek()) if (m.problem === 'offline') retry(m.key); });

// -- typing, rating

let said = 0;
export function typed() {
  const id = standing.peek()?.id;
  if (!id || Date.now() - said < TYPING_EVERY) return;
  said = Date.now();
  stream.say({ type: 'conversation:typing:start', conversation_id: id });
}
function stopTyping() {
  if (said) stream.say({ type: 'conversation:typing:stop', conversation_id: standing.peek()?.id });
  said = 0;
}

/** A score from 1 to 5. Another tab may have given one: then that holds. */
export async function rate(score, comment) {
  try {
    await api.post(`/v1/conversations/${standing.peek().id}/csat`, { score, ...(comment ? { comment } : {}) });
  } catch (error) {
    if (error.status !== 409) throw error;
  }
  standing.value = { ...standing.peek(), canRate: false, rated: true };
}

export const isLooking = () => isOpen.value && !document.hidden;
