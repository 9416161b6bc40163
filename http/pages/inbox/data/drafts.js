// Drafts live on the server, one per agent and conversation, so that no tab or machine loses one and colleagues see them.
import { signal } from '../basics/ui.js';
import { api } from './api.js';
import { authorization, user } from './session.js';
import { onEvent } from './stream.js';

const SAVE_AFTER = 300; // ms without a key
const SAVE_WITHIN = 1000; // ms, however fast somebody types
const own = new Map(); // conversation → {content, isPrivate}: what is in the composer
const unsaved = new Map(); // conversation → timer
const since = new Map(); // conversation → when its oldest unsaved change was made
const saving = new Map(); // conversation → the save under way, so that they arrive in order
/** Drafts of colleagues: conversation → items. */
export const others = signal({});
export const saved = signal(true);

const path = (id) => `/v1/conversations/${id}/draft`;
export const draftOf = (id) => own.get(id) ?? null;

export async function loadDrafts(id) {
  const { items } = await api.get(`${path(id)}s`);
  const mine = items.find((d) => d.user_id === user.value.userId);
  if (mine && !own.has(id)) own.set(id, { content: mine.content, isPrivate: mine.is_private });
  others.value = { ...others.value, [id]: items.filter((d) => d.user_id !== user.value.userId) };
  return own.get(id) ?? null;
}

export function keep(id, content, isPrivate) {
  own.set(id, { content, isPrivate });
  clearTimeout(unsaved.get(id));
  if (!since.has(id)) since.set(id, Date.now());
  unsaved.set(id, setTimeout(() => store(id), Math.max(0, Math.min(SAVE_AFTER, since.get(id) + SAVE_WITHIN - Date.now()))));
  saved.value = false;
}

async function write(id) {
  const draft = own.get(id);
  if (draft?.content) await api.put(path(id), { content: draft.content, is_private: draft.isPrivate });
  else await api.delete(path(id));
}

function store(id) {
  unsaved.delete(id);
  since.delete(id);
  const turn = (saving.get(id) ?? Promise.resolve()).then(() => write(id)).catch(() => {
    if (!unsaved.has(id)) unsaved.set(id, setTimeout(() => store(id), 2000)); // until it is stored
  }).finally(() => {
    if (saving.get(id) === turn) saving.delete(id);
    saved.value = !unsaved.size && !saving.size;
  });
  saving.set(id, turn);
}

/** The server has the message: its draft is gone, unless something else has been written since. */
export function drop(id, sent) {
  if (own.get(id)?.content.trim() !== sent.trim()) return;
  own.delete(id);
  clearTimeout(unsaved.get(id));
  store(id);
}

addEventListener('pagehide', () => {
  for (const id of unsaved.keys()) {
    const draft = own.get(id);
    if (!draft?.content) continue;
    fetch(path(id), { method: 'PUT', keepalive: true, headers: { ...authorization(), 'Content-Type': 'application/json' }, body: JSON.stringify({ content: draft.content, is_private: draft.isPrivate }) });
  }
});

onEvent((event) => {
  if (event.type !== 'conversation:draft' || event.data.user_id === user.value.userId) return;
  const { conversation_id: id, ...draft } = event.data;
  const rest = (others.peek()[id] ?? []).filter((d) => d.user_id !== draft.user_id);
  others.value = { ...others.peek(), [id]: draft.content ? [...rest, draft] : rest };
});
