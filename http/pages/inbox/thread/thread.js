// One conversation's entries: a contiguous window of them, kept current by events and proved complete by `seq`, which has no gaps.
import { uuid } from '../basics/browser.js';
import { signal } from '../basics/ui.js';
import { api, isOffline, Problem } from '../data/api.js';
import { load, peek } from '../data/conversations.js';
import { drop } from '../data/drafts.js';
import { user } from '../data/session.js';
import { follow, onEvent, onReset, proof, state as streamState } from '../data/stream.js';

const PAGE = 60;
const MOST = 400; // entries held and in the document; the far end goes first
const VERIFY_EVERY = 15_000;
const TYPING_FOR = 7000;

/** Unsent messages by conversation: they outlive the open thread. */
const outboxes = new Map();
export function outboxOf(id) {
  if (!outboxes.has(id)) outboxes.set(id, signal([]));
  return outboxes.get(id);
}

export class Thread {
  constructor(id) {
    this.id = id;
    this.entries = signal([]);
    this.failed = signal(null);
    this.loaded = signal(false);
    this.atEnd = signal(true); // the newest entry is in the window
    this.typing = signal(new Map()); // user → {name, until}
    this.verifiedAt = signal(null);
    this.outbox = outboxOf(id);
    this.fetching = null;
    this.again = false;
    this.newest = 0; // the highest seq heard of
    this.ends = [
      follow(`conversation:${id}`),
      onEvent((event) => event.conversation_id === id && this.hear(event)),
      onReset(() => this.catchUp(true)),
      streamState.subscribe((now) => { if (now === 'live') this.catchUp(this.wasCut); this.wasCut = now !== 'live'; }),
    ];
    const timer = setInterval(() => { if (!document.hidden && streamState.peek() === 'live') this.catchUp(); }, VERIFY_EVERY);
    this.ends.push(() => clearInterval(timer));
    this.open();
  }

  close() {
    for (const end of this.ends) end();
    this.closed = true;
  }

  get high() { return this.entries.peek().at(-1)?.seq ?? 0; }
  get low() { return this.entries.peek()[0]?.seq ?? 1; }
  get hasOlder() { return this.low > 1; }

  /** 'fresh' | 'catching-up' | 'past' | 'connecting' | 'cut': whether everything up to the newest seq heard of is here, and the stream proves
   *  more; 'past' while the reader is so far up that the newest entries are not in the window. */
  get freshness() {
    const live = streamState.value;
    if (live !== 'live') return live;
    if (!this.atEnd.value) return 'past';
    return this.verifiedAt.value !== null && this.loaded.value ? 'fresh' : 'catching-up';
  }

  async open() {
    this.failed.value = null;
    try {
      const c = peek(this.id) ?? await load(this.id);
      await this.fetchFrom(Math.max(0, c.seq - PAGE));
      this.loaded.value = true;
      await this.catchUp();
    } catch (error) {
      this.failed.value = error;
    }
  }

  async page(after, limit) {
    return api.get(`/v1/conversations/${this.id}/entries`, { after_seq: after, limit });
  }

  async fetchFrom(after) {
    const { items } = await this.page(after, PAGE * 2);
    this.entries.value = items;
    this.newest = Math.max(this.newest, this.high);
  }

  hear(event) {
    if (event.type === 'conversation:typing') { this.hearTyping(event.data); return; }
    if (event.type === 'conversation:receipt') { const { message_id: id, ...changes } = event.data; this.amend(id, changes); return; }
    if (event.seq === null || event.topic.startsWith('user:')) return;
    this.newest = Math.max(this.newest, event.seq);
    if (event.type === 'conversation:message' && event.data.sender_type !== 'agent') this.stopTyping(event.data.sender_id);
    if (!this.loaded.peek() || !this.atEnd.peek() || event.seq <= this.high) return;
    if (event.type === 'conversation:message' && event.seq === this.high + 1 && !this.fetching) {
      const { data } = event;
      this.append([{ seq: event.seq, kind: 'message', at: event.at, actor: { type: data.sender_type, id: data.sender_id }, data }]);
    } else {
      this.verifiedAt.value = null; // something is known to be missing until it is fetched
      this.catchUp();
    }
  }

  append(items) {
    const high = this.high;
    const fresh = items.filter((entry) => entry.seq > high);
    if (!fresh.length) return;
    let next = [...this.entries.peek(), ...fresh];
    for (const { kind, data } of fresh) {
      if (kind === 'edited') next = next.map((e) => (e.kind === 'message' && e.data.id === data.message_id ? { ...e, data: { ...e.data, content: data.content, edited: true } } : e));
    }
    this.entries.value = next.length > MOST ? next.slice(next.length - MOST) : next;
    this.settleOutbox();
  }

  settleOutbox() {
    if (!this.outbox.peek().length) return;
    const here = new Set(this.entries.peek().map((e) => e.data?.client_message_id).filter(Boolean));
    if (this.outbox.peek().some((m) => here.has(m.key))) this.outbox.value = this.outbox.peek().filter((m) => !here.has(m.key));
  }

  amend(messageId, changes) {
    this.entries.value = this.entries.peek().map((e) => (e.kind === 'message' && e.data.id === messageId ? { ...e, data: { ...e.data, ...changes } } : e));
  }

  /** Fetch what came after the window, until the server has no more; `statuses` renews receipts, which no replay repeats. */
  catchUp(statuses = false) {
    if (!this.loaded.peek() || !this.atEnd.peek() || this.closed) return this.fetching;
    this.again = this.again || Boolean(this.fetching);
    this.fetching ??= this.fetchNew(statuses).finally(() => {
      this.fetching = null;
      if (this.again) { this.again = false; this.catchUp(); }
    });
    return this.fetching;
  }

  async fetchNew(statuses) {
    try {
      for (let hasMore = true; hasMore && this.atEnd.peek();) {
        const page = await this.page(this.high, 200);
        this.append(page.items);
        hasMore = page.has_more;
      }
      if (statuses) {
        const { items } = await api.get(`/v1/conversations/${this.id}/messages`, { limit: 50 });
        for (const m of items) this.amend(m.id, { delivery_status: m.delivery_status, delivery_error: m.delivery_error });
      }
      if (this.high >= this.newest) this.verifiedAt.value = Date.now();
      else this.again = true;
    } catch {
      this.verifiedAt.value = null; // the next event, check or reconnection tries again
    }
  }

  /** Older entries above the window. Returns whether there were any. */
  async older() {
    if (this.loadingOlder || !this.hasOlder) return false;
    this.loadingOlder = true;
    try {
      const after = Math.max(0, this.low - 1 - PAGE);
      const { items } = await this.page(after, this.low - 1 - after);
      let next = [...items, ...this.entries.peek()];
      if (next.length > MOST) {
        next = next.slice(0, MOST);
        this.atEnd.value = false;
        this.verifiedAt.value = null;
      }
      this.entries.value = next;
      return items.length > 0;
    } catch {
      return false;
    } finally {
      this.loadingOlder = false;
    }
  }

  /** Newer entries below a window that has left the end. */
  async newer() {
    if (this.loadingNewer || this.atEnd.peek()) return;
    this.loadingNewer = true;
    try {
      const { items, has_more: hasMore } = await this.page(this.high, PAGE);
      this.append(items);
      if (!hasMore) { this.atEnd.value = true; this.catchUp(); }
    } finally {
      this.loadingNewer = false;
    }
  }

  /** Jump to the end, or to the entry `seq`. */
  async jump(seq = null) {
    const end = Math.max(this.newest, peek(this.id)?.seq ?? 0);
    await this.fetchFrom(Math.max(0, (seq ?? end) - PAGE));
    this.atEnd.value = this.high >= end;
    this.verifiedAt.value = null;
    this.catchUp();
  }

  hearTyping({ user_id: id, name, state }) {
    if (id === user.value.userId) return;
    const next = new Map(this.typing.peek());
    if (state === 'start') {
      next.set(id, name);
      setTimeout(() => this.stopTyping(id), TYPING_FOR);
    } else next.delete(id);
    this.typing.value = next;
  }

  stopTyping(id) {
    if (!this.typing.peek().has(id)) return;
    const next = new Map(this.typing.peek());
    next.delete(id);
    this.typing.value = next;
  }
}

// -- sending

const turns = new Map(); // conversation → the message being sent, so that they leave in order

/** Show a message at once and send it; it stays, with what went wrong, until it is sent, tried again or discarded. */
export function send(id, message) {
  const unsent = { ...message, key: uuid(), state: 'sending', at: new Date().toISOString() };
  const outbox = outboxOf(id);
  outbox.value = [...outbox.peek(), unsent];
  return deliver(id, unsent);
}

export function retry(id, key) {
  const found = outboxOf(id).peek().find((m) => m.key === key);
  if (found) return deliver(id, mark(id, key, { state: 'sending', error: null }));
  return null;
}

export function discard(id, key) {
  const outbox = outboxOf(id);
  const found = outbox.peek().find((m) => m.key === key);
  outbox.value = outbox.peek().filter((m) => m.key !== key);
  return found;
}

function mark(id, key, changes) {
  const outbox = outboxOf(id);
  outbox.value = outbox.peek().map((m) => (m.key === key ? { ...m, ...changes } : m));
  return outbox.peek().find((m) => m.key === key);
}

function deliver(id, unsent) {
  const turn = (turns.get(id) ?? Promise.resolve()).then(() => post(id, unsent));
  turns.set(id, turn.catch(() => null));
  return turn;
}

async function post(id, { key, content, isPrivate, attachments, to, cc, bcc, replyTo }) {
  try {
    const made = await api.postOnce(`/v1/conversations/${id}/messages`, {
      content, is_private: isPrivate, client_message_id: key, attachments: attachments ?? [],
      ...(to ? { to } : {}), ...(cc ? { cc } : {}), ...(bcc?.length ? { bcc } : {}), ...(replyTo ? { reply_to: replyTo } : {}),
    });
    drop(id, content);
    const thread = open.peek();
    if (thread?.id !== id) discard(id, key);
    else if (thread.atEnd.peek()) thread.catchUp();
    else thread.jump().finally(() => discard(id, key));
    return made;
  } catch (error) {
    const text = error instanceof Problem ? error.text : null;
    mark(id, key, { state: 'failed', offline: isOffline(error), error: text });
    throw error;
  }
}

/** The thread on screen. */
export const open = signal(null);
export function openThread(id) {
  if (open.peek()?.id === id) return;
  open.peek()?.close();
  open.value = id ? new Thread(id) : null;
}
