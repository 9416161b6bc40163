// What an agent does with a conversation. Each tells what went wrong, and shows the server's answer at once.
import { t } from '../basics/i18n.js';
import { api } from './api.js';
import { put, peek } from './conversations.js';
import { attempt, say } from './toasts.js';
import { neighbour } from '../list/list.js';
import { openConversation } from '../basics/router.js';
import { user } from './session.js';

const base = (id) => `/v1/conversations/${id}`;
const take = async (call) => { const c = await attempt(call); if (c) put(c); return c; };

export const claim = (id) => take(() => api.post(`${base(id)}/assign`, { agent_id: 'me' }));
export const assignTo = (id, agentId) => take(() => api.post(`${base(id)}/assign`, { agent_id: agentId }));
export const assignTeam = (id, teamId, strategy) => take(() => api.post(`${base(id)}/assign`, { team_id: teamId, ...(strategy ? { strategy } : {}) }));
export const release = (id) => take(() => api.post(`${base(id)}/release`));
export const handBack = (id) => take(() => api.post(`${base(id)}/handback`));
export const handOff = (id, reason) => take(() => api.post(`${base(id)}/handoff`, { reason }));
export const change = (id, changes) => take(() => api.patch(base(id), changes));
export const snooze = (id, until) => change(id, { snoozed_until: until?.toISOString() ?? null });
export const pend = (id) => change(id, { status: 'pending' });
export const reopen = (id) => change(id, { status: 'open' });
export const accept = (id) => take(() => api.post(`${base(id)}/accept`));
export const decline = (id) => take(() => api.post(`${base(id)}/decline`));
export const retryDelivery = (messageId) => attempt(() => api.post(`/v1/deliveries/${messageId}/retry`));

/** Resolve and continue to the next one of the list. */
export async function resolve(id, { next = true } = {}) {
  const following = neighbour(id, 1);
  const done = await change(id, { status: 'resolved' });
  if (!done) return done;
  say(t('Resolved.'), { action: { label: t('Undo'), run: () => reopen(id) } });
  if (next) openConversation(following === id ? neighbour(id, -1) === id ? null : neighbour(id, -1) : following);
  return done;
}

const READ_WITHIN = 300; // ms: messages that come close together are one call
const read = new Map();
const reading = new Map(); // id → timer
/** Move the read marker, once for each seq. */
export function markRead(id, seq) {
  const c = peek(id);
  if (!c?.unread_count || (read.get(id) ?? 0) >= seq || (c.assignee_id && c.assignee_id !== user.value.userId)) return;
  read.set(id, seq);
  if (reading.has(id)) return;
  reading.set(id, setTimeout(() => {
    reading.delete(id);
    api.post(`${base(id)}/read`, { seq: read.get(id) }).then(put).catch(() => read.delete(id));
  }, READ_WITHIN));
}
