// Translation: English text is the key, a catalogue per language maps it. Placeholders are {name}.
export const LANGUAGES = ['en', 'es', 'am', 'ar'];
const RIGHT_TO_LEFT = ['ar'];
let catalogue = {};
let language = 'en';
let region = 'en'; // how the browser writes times in that language

export function t(text, values) {
  const found = catalogue[text] ?? text;
  return values ? found.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole) : found;
}

export async function speak(wanted) {
  language = LANGUAGES.includes(wanted) ? wanted : 'en';
  if (language !== 'en') catalogue = (await import(`./catalog/${language}.js`)).default;
  region = navigator.languages.find((l) => l.startsWith(language)) ?? language;
  document.documentElement.lang = language;
  document.documentElement.dir = RIGHT_TO_LEFT.includes(language) ? 'rtl' : 'ltr';
}

const formats = {};
const format = (name, options) => (formats[name] ??= new Intl.DateTimeFormat(region, options));
export const clock = (text) => format('clock', { hour: '2-digit', minute: '2-digit' }).format(new Date(text));
export const day = (text) => format('day', { weekday: 'long', day: 'numeric', month: 'long' }).format(new Date(text));
export const moment = (text) => format('moment', { weekday: 'long', hour: '2-digit', minute: '2-digit' }).format(new Date(text));
export const number = (value) => new Intl.NumberFormat(region).format(value);
export const size = (bytes) => (bytes < 1024 ** 2 ? `${number(Math.ceil(bytes / 1024))} KB` : `${number(Math.round(bytes / 1024 ** 2 * 10) / 10)} MB`);
