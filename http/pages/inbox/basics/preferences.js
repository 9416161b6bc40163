// What a person prefers on this browser: theme, language, shortcuts, saved filters, and what the server says of notices. Never a token, never a customer's data.
import { signal } from './ui.js';

const KEY = 'tertulia.preferences';
const DEFAULTS = { theme: 'auto', language: null, sound: true, desktop: false, shortcuts: {}, filters: [], emoji: [] };

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
