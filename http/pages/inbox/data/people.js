// Names and figures of agents, teams, channels and labels. Loaded once, renewed by events and when asked.
import { signal } from '../basics/ui.js';
import { api } from './api.js';
import { can, user } from './session.js';
import { onEvent, onReset } from './stream.js';

export const agents = signal(new Map());
/** User → name, by itself: presence and load change all the time, and a thread of messages waits for names alone. */
const names = signal(new Map());
export const teams = signal([]);
export const channels = signal([]);
export const labels = signal([]);
export const canned = signal([]);

export const nameOf = (id) => names.value.get(id) ?? shortId(id === user.value?.userId ? user.value.name : id);
export const teamName = (id) => teams.value.find((team) => team.id === id)?.name ?? shortId(id);
export const channelName = (id) => channels.value.find((channel) => channel.id === id)?.name ?? null;
const shortId = (id) => (id && id.length > 20 ? `${id.slice(0, 8)}…` : id);

export async function loadAgents() {
  const { items } = await api.get('/v1/agents');
  take(new Map(items.map((agent) => [agent.user_id, agent])));
}

function take(found) {
  agents.value = found;
  const known = names.peek();
  if (found.size !== known.size || [...found.values()].some((a) => known.get(a.user_id) !== a.name)) names.value = new Map([...found].map(([id, a]) => [id, a.name]));
}

export const loadCanned = async () => { canned.value = await api.all('/v1/canned-responses'); };
export const loadTeams = async () => { teams.value = await api.all('/v1/teams'); };
export const loadLabels = async () => { labels.value = (await api.get('/v1/labels')).items; };
export const loadChannels = async () => { if (can('admin')) channels.value = await api.all('/v1/channels'); };

export const loadAll = () => Promise.allSettled([loadAgents(), loadTeams(), loadCanned(), loadLabels(), loadChannels()]);

let due = 0;
function soon() {
  clearTimeout(due);
  due = setTimeout(() => loadAgents().catch(() => null), 500);
}

onEvent((event) => {
  if (event.type === 'agent:presence') {
    const { user_id: id, ...rest } = event.data;
    const agent = agents.value.get(id);
    if (agent) take(new Map(agents.value).set(id, { ...agent, ...rest }));
    else soon();
  } else if (event.type === 'agent:assigned' && !agents.value.has(event.data.agent_id) && event.data.agent_id) {
    soon();
  }
});
onReset(soon);
