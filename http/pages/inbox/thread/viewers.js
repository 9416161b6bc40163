// Who else has this conversation open, or writes in it: hints between pages; without them nothing is claimed.
import { html, signal, useEffect } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';
import { nameOf } from '../data/people.js';
import { now } from '../basics/format.js';
import { onEvent } from '../data/stream.js';
import { others } from '../data/drafts.js';
import { user } from '../data/session.js';

const SAY_EVERY = 20_000;
const SHOWN = 45_000;
const viewing = signal({}); // conversation → {user: {name, until}}

const say = (id, state) => api.post(`/v1/conversations/${id}/viewing`, { state }, { keepalive: true }).catch(() => null);

onEvent(({ type, data }) => {
  if (type !== 'conversation:viewing' || data.user_id === user.value.userId) return;
  const { [data.user_id]: before, ...rest } = viewing.peek()[data.conversation_id] ?? {};
  const seen = data.state === 'start' ? { ...rest, [data.user_id]: { name: data.name, until: Date.now() + SHOWN } } : rest;
  viewing.value = { ...viewing.peek(), [data.conversation_id]: seen };
  if (data.state === 'start' && !before && shown.has(data.conversation_id)) say(data.conversation_id, 'start'); // so that a newcomer learns of us
});

const shown = new Set();

export function Viewers({ id }) {
  useEffect(() => {
    shown.add(id);
    say(id, 'start');
    const timer = setInterval(() => { if (!document.hidden) say(id, 'start'); }, SAY_EVERY);
    return () => { shown.delete(id); clearInterval(timer); say(id, 'stop'); };
  }, [id]);
  const writing = new Set((others.value[id] ?? []).map((d) => d.user_id));
  const here = Object.entries(viewing.value[id] ?? {}).filter(([who, v]) => v.until > now.value && !writing.has(who)).map(([who, v]) => v.name ?? nameOf(who));
  const names = (others.value[id] ?? []).map((d) => d.name ?? nameOf(d.user_id));
  return html`<span class="viewers" role="status">${names.length > 0 && html`<b>${t('{names} is replying', { names: names.join(', ') })}</b>`} ${here.length > 0 && t('{names} is viewing', { names: here.join(', ') })}</span>`;
}
