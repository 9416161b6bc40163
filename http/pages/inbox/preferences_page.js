// One's own preferences: on this browser (theme, language, keys, notices) and on the server (what one is assigned).
import { html, useEffect, useState } from './basics/ui.js';
import { LANGUAGES, language, speak, t } from './basics/i18n.js';
import { api } from './data/api.js';
import { attempt, say } from './data/toasts.js';
import { CHANNELS } from './basics/format.js';
import { COMMANDS, keysOf } from './keys.js';
import { preferNotices } from './notices.js';
import { prefer, preferences } from './basics/preferences.js';

function Shortcuts() {
  const set = (name, keys) => {
    const words = keys.trim().replace(/\s+/g, ' ');
    const taken = words && Object.keys(COMMANDS).find((other) => other !== name && keysOf(other) === words);
    if (taken) { say(t('{keys} is already used for: {command}', { keys: words, command: COMMANDS[taken][1]() }), { kind: 'error' }); return; }
    const { [name]: _, ...rest } = preferences.peek().shortcuts;
    prefer({ shortcuts: words && words !== COMMANDS[name][0] ? { ...rest, [name]: words } : rest });
  };
  return html`<fieldset class="shortcuts"><legend>${t('Keyboard shortcuts')}</legend><p>${t('One key, or two in a row with a space between. Shortcuts work outside text fields, without Ctrl, Alt or ⌘.')}</p>
    ${Object.entries(COMMANDS).map(([name, [, words]]) => html`<label key=${name}>${words()} <input value=${keysOf(name)} maxlength="5" onChange=${(e) => set(name, e.target.value)} /></label>`)}
    <button type="button" onClick=${() => prefer({ shortcuts: {} })}>${t('Reset to defaults')}</button></fieldset>`;
}

function Availability() {
  const [p, setP] = useState(null);
  useEffect(() => { attempt(() => api.get('/v1/agent-preferences/me')).then(setP); }, []);
  if (!p) return html`<p class="loading">${t('Loading …')}</p>`;
  const change = async (changes) => { const made = await attempt(() => api.patch('/v1/agent-preferences/me', changes)); if (made) setP(made); };
  const words = (text) => text.split(',').map((w) => w.trim()).filter(Boolean);
  return html`<fieldset><legend>${t('What I am assigned')}</legend>
    <label class="check"><input type="checkbox" checked=${p.is_available} onChange=${(e) => change({ is_available: e.target.checked })} />${t('Assign me new conversations')}</label>
    <label class="check"><input type="checkbox" checked=${p.auto_accept} onChange=${(e) => change({ auto_accept: e.target.checked })} />${t('Without asking me')}</label>
    <label>${t('Conversations at once')} <input type="number" min="0" max="1000" value=${p.max_concurrent_conversations} onChange=${(e) => change({ max_concurrent_conversations: Number(e.target.value) })} /></label>
    <label>${t('Languages, comma separated; none means any')} <input value=${p.languages.join(', ')} onChange=${(e) => change({ languages: words(e.target.value) })} /></label>
    <label>${t('Topics, comma separated; none means any')} <input value=${p.available_topics.join(', ')} onChange=${(e) => change({ available_topics: words(e.target.value) })} /></label>
    <fieldset><legend>${t('Channels; none means any')}</legend>${Object.entries(CHANNELS).map(([k, v]) => html`<label class="check" key=${k}><input type="checkbox" checked=${p.available_channels.includes(k)} onChange=${(e) => change({ available_channels: e.target.checked ? [...p.available_channels, k] : p.available_channels.filter((x) => x !== k) })} />${t(v)}</label>`)}</fieldset>
  </fieldset>`;
}

export function PreferencesPage() {
  const p = preferences.value;
  async function desktop(wanted) {
    const allowed = wanted && globalThis.Notification && (await Notification.requestPermission()) === 'granted';
    preferNotices({ desktop: Boolean(allowed) });
    if (wanted && !allowed) say(t('The browser does not allow notifications.'), { kind: 'error' });
  }
  return html`<div class="admin-page"><h1>${t('Preferences')}</h1>
    <fieldset><legend>${t('This browser')}</legend>
      <label>${t('Language')} <select id="language" value=${language.value} onChange=${async (e) => { prefer({ language: e.target.value }); await speak(e.target.value); }}>${Object.entries(LANGUAGES).map(([code, name]) => html`<option key=${code} value=${code} lang=${code}>${name}</option>`)}</select></label>
      <label>${t('Theme')} <select id="theme" value=${p.theme} onChange=${(e) => prefer({ theme: e.target.value })}><option value="auto">${t('As the system')}</option><option value="light">${t('Light')}</option><option value="dark">${t('Dark')}</option></select></label>
    </fieldset>
    <fieldset><legend>${t('Notifications')}</legend>
      <label class="check"><input type="checkbox" checked=${p.sound} onChange=${(e) => preferNotices({ sound: e.target.checked })} />${t('A sound for offers, assignments and mentions')}</label>
      <label class="check"><input type="checkbox" checked=${p.desktop && globalThis.Notification?.permission === 'granted'} onChange=${(e) => desktop(e.target.checked)} />${t('Desktop notifications while the page is in the background')}</label>
    </fieldset>
    <${Availability} />
    <${Shortcuts} />
  </div>`;
}
