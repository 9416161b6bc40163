// Times, sizes and names for people, in the page's language.
import { language, t } from './i18n.js';
import { signal } from './ui.js';

/** The time, renewed every second while the page is visible: for clocks and countdowns. */
export const now = signal(Date.now());
setInterval(() => { if (!document.hidden) now.value = Date.now(); }, 1000);

/** How the browser writes times and numbers in the page's language. */
const region = () => navigator.languages.find((code) => code.split('-')[0] === language.value) ?? language.value;

const formats = new Map();
function format(name, options) {
  const key = `${language.value} ${name}`;
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(region(), options));
  return formats.get(key);
}

export const clock = (text) => format('clock', { hour: '2-digit', minute: '2-digit' }).format(new Date(text));
export const day = (text) => format('day', { weekday: 'long', day: 'numeric', month: 'long' }).format(new Date(text));
export const full = (text) => format('full', { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(text));
/** A day of the week, from 0 for Monday. 2024 began with one. */
export const weekday = (n) => format('weekday', { weekday: 'short', timeZone: 'UTC' }).format(Date.UTC(2024, 0, 1 + n));
export const shortDate = (text) => format('date', { day: 'numeric', month: 'short' }).format(new Date(text));

/** As in a list: the hour today, the date before. */
export function when(text) {
  if (!text) return '';
  const date = new Date(text);
  return date.toDateString() === new Date().toDateString() ? clock(text) : shortDate(text);
}

/** A span of seconds in two units at most: 45 s, 3 min, 2 h 10 min. */
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return t('{n} s', { n: s });
  if (s < 3600) return t('{n} min', { n: Math.floor(s / 60) });
  if (s < 86_400) return t('{h} h {m} min', { h: Math.floor(s / 3600), m: Math.floor((s % 3600) / 60) });
  return t('{n} d', { n: Math.floor(s / 86_400) });
}

export const size = (bytes) => (bytes < 1024 ? `${bytes} B` : bytes < 1024 ** 2 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1024 ** 2).toFixed(1)} MB`);
export const number = (value, digits = 0) => (value ?? null) === null ? '–' : new Intl.NumberFormat(region(), { maximumFractionDigits: digits }).format(value);
/** Whether the conversation's customer was erased: nothing else takes the identifier away. */
export const isErased = (c) => c.contact_identifier === '';
export const contactName = (c) => c.contact_name || c.contact_identifier || t('Erased customer');
export const CHANNELS = { webchat: 'Web chat', whatsapp: 'WhatsApp', telegram: 'Telegram', messenger: 'Messenger', sms: 'SMS', email: 'E-mail' };
/** What stands for a channel where there is little room. */
export const SHORT_CHANNELS = { webchat: 'W', whatsapp: 'WA', telegram: 'T', messenger: 'M', sms: 'SMS', email: '@' };
/** What the widget's form asks for by itself; other fields have the names that the channel gives them. */
export const FORM_FIELDS = () => ({ name: t('Name'), email: t('E-mail'), phone: t('Phone'), order: t('Order number') });
export const PRIORITIES = ['low', 'normal', 'high', 'urgent'];
export const STATUS = () => ({
  open: t('Open'), bot: t('Bot'), assigned: t('Assigned'), pending: t('Pending'), resolved: t('Resolved'), closed: t('Closed'), expired: t('Expired'),
});
export const PRIORITY = () => ({ low: t('Low'), normal: t('Normal'), high: t('High'), urgent: t('Urgent') });
