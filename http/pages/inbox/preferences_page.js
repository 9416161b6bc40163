// One's own preferences: of this browser (language, theme), and those that follow an agent to every browser (notices, what they are assigned, keys).
import { html, useEffect, useState } from './basics/ui.js';
import { LANGUAGES, language, t } from './basics/i18n.js';
import { api } from './data/api.js';
import { attempt, say } from './data/toasts.js';
import { Form } from './admin/parts.js';
import { WorkFields, workOf } from './admin/agents.js';
import { COMMANDS, keysOf } from './keys.js';
import { preferNotices } from './notices.js';
import { setShortcuts } from './data/inbox_preferences.js';
import { prefer, preferences } from './basics/preferences.js';

function Shortcuts() {
  const set = (name, keys) => {
    const words = keys.trim().replace(/\s+/g, ' ');
    const taken = words && Object.keys(COMMANDS).find((other) => other !== name && keysOf(other) === words);
    if (taken) { say(t('{keys} is already used for: {command}', { keys: words, command: COMMANDS[taken][1]() }), { kind: 'error' }); return; }
    setShortcuts({ [name]: words && words !== COMMANDS[name][0] ? words : null });
  };
  const reset = () => setShortcuts(Object.fromEntries(Object.keys(preferences.peek().shortcuts).map((name) => [name, null])));
  return html`<fieldset class="shortcuts"><legend>${t('Keyboard shortcuts')}</legend><p>${t('One key, or two in a row with a space between. Shortcuts work outside text fields, without Ctrl, Alt or ⌘. They follow you to every browser.')}</p>
    ${Object.entries(COMMANDS).map(([name, [, words]]) => html`<label key=${name}>${words()} <input value=${keysOf(name)} maxlength="5" onChange=${(e) => { set(name, e.target.value); e.target.value = keysOf(name); }} /></label>`)}
    <button type="button" disabled=${!Object.keys(preferences.value.shortcuts).length} onClick=${reset}>${t('Reset to defaults')}</button></fieldset>`;
}

function Availability() {
  const [p, setP] = useState(null);
  useEffect(() => { attempt(() => api.get('/v1/agent-preferences/me')).then((found) => found && setP(found)); }, []);
  if (!p) return html`<p class="loading" role="status">${t('Loading …')}</p>`;
  const save = async (form) => { setP(await api.patch('/v1/agent-preferences/me', workOf(form))); say(t('Saved.')); };
  return html`<${Form} onSubmit=${save}><fieldset><legend>${t('What I am assigned')}</legend><${WorkFields} p=${p} mine /><p><button class="primary">${t('Save')}</button></p></fieldset><//>`;
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
      <label>${t('Language')} <select id="language" value=${language.value} onChange=${(e) => prefer({ language: e.target.value })}>${Object.entries(LANGUAGES).map(([code, name]) => html`<option key=${code} value=${code} lang=${code}>${name}</option>`)}</select></label>
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
