// How an agent is told of offers, assignments and mentions: kept on the server, so that it holds on every browser.
import { api } from './data/api.js';
import { prefer } from './basics/preferences.js';
import { attempt } from './data/toasts.js';

const ME = '/v1/agent-preferences/me';

const adopt = ({ notification_preferences: { sound, desktop } }) => prefer({ ...(typeof sound === 'boolean' ? { sound } : {}), ...(typeof desktop === 'boolean' ? { desktop } : {}) });

/** Take over what the server has; until it answers, this browser's last state holds. */
export const loadNotices = () => api.get(ME).then(adopt).catch(() => null);

/** Change `sound` or `desktop`, here at once and on the server. */
export function preferNotices(changes) {
  prefer(changes);
  return attempt(() => api.patch(ME, { notification_preferences: changes }));
}
