// Translation: English text is the key, a catalogue per language maps it. Placeholders are {name}.
import { signal } from './ui.js';
import { preferences } from './preferences.js';

export const LANGUAGES = { en: 'English', es: 'Español', am: 'አማርኛ', ar: 'العربية' };
const RIGHT_TO_LEFT = new Set(['ar']);
const catalogue = signal({});

export const language = signal('en');

export function t(text, values) {
  const found = catalogue.value[text] ?? text;
  return values ? found.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole) : found;
}

export async function speak(wanted) {
  const code = LANGUAGES[wanted] ? wanted : 'en';
  catalogue.value = code === 'en' ? {} : (await import(`../catalog/${code}.js`)).default;
  language.value = code;
  document.documentElement.lang = code;
  document.documentElement.dir = RIGHT_TO_LEFT.has(code) ? 'rtl' : 'ltr';
}

export function preferredLanguage() {
  const own = preferences.value.language;
  return own ?? navigator.languages.map((l) => l.slice(0, 2)).find((l) => LANGUAGES[l]) ?? 'en';
}
