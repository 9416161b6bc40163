// What an agent keeps of the inbox: saved filters and changed shortcuts. The server has them, so that they follow the agent to every browser;
// this browser holds a copy.
import { t } from '../basics/i18n.js';
import { prefer, preferences } from '../basics/preferences.js';
import { api, isOffline } from './api.js';
import { user } from './session.js';
import { onReset } from './stream.js';
import { complain, say } from './toasts.js';

const PATH = '/v1/agent-preferences/me/inbox';
const RECENT = 15_000; // ms: what was read within is not read again

const me = () => `${user.peek().accountId} ${user.peek().userId}`;
const orNull = (text) => text || null;
const asSent = ({ status, team_id, channel_type, label, priority, q, sort }) => ({
  status: status ?? [], team_id: orNull(team_id), channel_type: orNull(channel_type), label: orNull(label), priority: orNull(priority), q: q ?? '', ...(sort ? { sort } : {}),
});
const asShown = ({ team_id, channel_type, label, priority, ...rest }) => ({ ...rest, team_id: team_id ?? '', channel_type: channel_type ?? '', label: label ?? '', priority: priority ?? '' });

let readAt = 0;
let changes = Promise.resolve();
let waiting = 0; // changes that the server has not confirmed
function adopt({ filters, shortcuts }) {
  readAt = Date.now();
  const named = Object.entries(filters).map(([name, filter]) => ({ name, filter: asShown(filter) })).sort((a, b) => a.name.localeCompare(b.name));
  prefer({ owner: me(), filters: named, shortcuts });
}

/** What an older version of the page left in this browser, where the server has nothing by that name: a list of single changes. */
function left(kept) {
  const { owner, filters, shortcuts } = preferences.peek();
  if (owner) return [];
  return [
    ...filters.filter((f) => !(f.name in kept.filters)).map((f) => ({ filters: { [f.name]: asSent(f.filter) } })),
    ...Object.entries(shortcuts).filter(([name]) => !(name in kept.shortcuts)).map(([name, keys]) => ({ shortcuts: { [name]: keys } })),
  ];
}

async function moveToServer(kept) {
  let last = kept;
  let refused = 0;
  for (const change of left(kept)) {
    try {
      last = await api.merge(PATH, change);
    } catch (error) {
      if (isOffline(error) || error.status !== 422) throw error; // it is tried again when the page is next opened
      refused += 1;
    }
  }
  if (refused) say(t('Saved filters and shortcuts of this browser that could not be kept: {n}', { n: refused }), { kind: 'error' });
  return last;
}

let loading = null;
/** Take over what the server has; until it answers, this browser's copy holds, if it is this agent's. */
export function loadInboxPreferences() {
  const { owner } = preferences.peek();
  if (owner && owner !== me()) prefer({ owner: me(), filters: [], shortcuts: {} });
  loading ??= api.get(PATH).then(moveToServer).then((kept) => { if (!waiting) adopt(kept); }).catch(() => null).finally(() => { loading = null; });
  return loading; // if it fails, the copy holds until the page is looked at again
}

/** Change here at once, and on the server after the changes before it. If the server refuses, nothing is changed. */
function change(now, sent) {
  const { filters, shortcuts } = preferences.peek();
  prefer(now);
  waiting += 1;
  changes = changes.then(async () => {
    try {
      const after = await api.merge(PATH, sent);
      if (waiting === 1) adopt(after);
    } catch (error) {
      prefer({ filters, shortcuts });
      complain(error);
    } finally {
      waiting -= 1;
    }
  });
  return changes;
}

export function saveFilter(name, filter) {
  const others = preferences.peek().filters.filter((f) => f.name !== name);
  return change({ filters: [...others, { name, filter }] }, { filters: { [name]: asSent(filter) } });
}

export const deleteFilter = (name) => change({ filters: preferences.peek().filters.filter((f) => f.name !== name) }, { filters: { [name]: null } });

/** `keys` null: the command's own. */
export function setShortcuts(wanted) {
  const kept = Object.entries({ ...preferences.peek().shortcuts, ...wanted }).filter(([, keys]) => keys !== null);
  return change({ shortcuts: Object.fromEntries(kept) }, { shortcuts: wanted });
}

/** Look again when somebody looks at the page: another desk may have changed them. */
function lookAgain() {
  if (document.hidden || !user.peek() || waiting || Date.now() - readAt < RECENT) return;
  loadInboxPreferences();
}
document.addEventListener('visibilitychange', lookAgain);
addEventListener('focus', lookAgain);
onReset(lookAgain);
