// The conversations this page knows: one signal each, kept current by events in the order of their `seq`.
import { signal, batch } from '../basics/ui.js';
import { api } from './api.js';
import { onEvent, onReset } from './stream.js';

const MOST = 20_000; // the least recently used beyond this are dropped
const PREVIEW = 200;
const known = new Map(); // id → signal
const watchers = new Set();
const due = new Map(); // id → timer of a refetch
export const version = signal(0);

/** Called with (id, isNew) after a conversation changed. */
export const onChange = (watcher) => { watchers.add(watcher); return () => watchers.delete(watcher); };
export const conversation = (id) => known.get(id);
export const peek = (id) => known.get(id)?.peek();

/** Take in a conversation from the API. An older state than the known one is ignored. */
export function put(view) {
  const found = known.get(view.id);
  if (!found) {
    known.set(view.id, signal(view));
    if (known.size > MOST) known.delete(known.keys().next().value);
  } else if (view.seq >= found.peek().seq) {
    const before = found.peek();
    const waits = view.status === 'open' && !view.assignee_id; // answers to changes leave the position out
    found.value = { ...before, ...view, ...(waits && view.queue_position === null ? { queue_position: before.queue_position } : {}) };
  }
  notify(view.id, !found);
  return known.get(view.id);
}

export const putAll = (views) => batch(() => views.map(put));

export async function load(id) {
  return put(await api.get(`/v1/conversations/${id}`)).peek();
}

function notify(id, isNew) {
  for (const watcher of watchers) watcher(id, isNew);
}

/** Fetch it soon: an event said that something is not known here. */
export function refetch(id, ms = 300) {
  if (due.has(id)) return;
  due.set(id, setTimeout(() => {
    due.delete(id);
    load(id).catch(() => null);
  }, ms));
}

function changesOf(c, event) {
  const { data } = event;
  switch (event.type) {
    case 'conversation:message': {
      if (data.is_private) return {};
      const shown = { last_message_at: data.created_at, last_message_preview: data.content.slice(0, PREVIEW) };
      if (data.sender_type === 'agent') return { ...shown, unread_count: 0, first_reply_at: c.first_reply_at ?? data.created_at };
      const waits = data.direction === 'inbound' && data.metadata.auto_reply !== true;
      return waits ? { ...shown, unread_count: c.unread_count + 1 } : shown;
    }
    case 'conversation:status':
      return {
        status: data.to,
        ...(data.to === 'open' || data.to === 'bot' ? { assignee_id: null } : {}),
        ...(data.to === 'bot' ? { handoff_requested: false, handoff_reason: null } : {}),
        resolved_at: data.to === 'resolved' ? event.at : data.to === 'closed' ? c.resolved_at : null,
      };
    case 'agent:assigned':
      return { assignee_id: data.agent_id };
    case 'conversation:handoff':
      return { handoff_requested: true, handoff_reason: data.reason };
    case 'queue:update':
      return { queue_position: data.position, estimated_wait_s: data.estimated_wait_s };
    case 'conversation:updated':
      return Object.fromEntries(Object.entries(data).filter(([name]) => name in c));
    default:
      return {};
  }
}

function apply(event) {
  const id = event.conversation_id;
  if (!id || event.topic.startsWith('user:')) return;
  if (event.type === 'conversation:new') { put(event.data); return; }
  const found = known.get(id);
  if (!found) {
    if (event.seq !== null) refetch(id);
    return;
  }
  const c = found.peek();
  if (event.seq !== null) {
    if (event.seq <= c.seq) return;
    if (event.seq > c.seq + 1) refetch(id);
  }
  found.value = { ...c, ...changesOf(c, event), ...(event.seq !== null ? { seq: event.seq, updated_at: event.at } : {}) };
  if (event.type === 'conversation:updated' && event.data.message) refetch(id); // an edit may change the preview
  notify(id, false);
}

onEvent(apply);
onReset(() => { version.value += 1; });
