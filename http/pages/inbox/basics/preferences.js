// What a person prefers on this browser: theme, language, recent emoji. And copies of what the server keeps for them, to show until it answers:
// notices, saved filters, changed shortcuts. Never a token, never a customer's data.
import { signal } from './ui.js';

const KEY = 'tertulia.preferences';
/** `owner`: whose filters and shortcuts these are; null for those that no server has yet. */
const DEFAULTS = { theme: 'auto', language: null, sound: true, desktop: false, owner: null, shortcuts: {}, filters: [], emoji: [] };

function stored() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY) ?? '{}') };
  } catch {
    return { ...DEFAULTS };
  }
}

export const preferences = signal(stored());

export function prefer(changes) {
  preferences.value = { ...preferences.value, ...changes };
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences.value));
  } catch {
    // private browsing: the preference lasts as long as the page
  }
  applyTheme();
}

export function applyTheme() {
  const { theme } = preferences.value;
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

// another tab changed something: both agree, unless somebody else signed in there
addEventListener('storage', (event) => {
  if (event.key !== KEY) return;
  const { owner, filters, shortcuts } = preferences.peek();
  const found = stored();
  preferences.value = found.owner === owner ? found : { ...found, owner, filters, shortcuts };
  applyTheme();
});
