// The page's beginning: restore the session or ask for a sign-in, then show the inbox.
import { effect, html, render, signal } from './basics/ui.js';
import { language, preferredLanguage, speak, t } from './basics/i18n.js';
import { applyTheme } from './basics/preferences.js';
import { ended, restore, user } from './data/session.js';
import { SignIn } from './sign_in.js';
import { Toasts } from './data/toasts.js';

const restored = signal(false);
const shell = signal(null);

async function begin() {
  const [{ Shell, startShell }] = await Promise.all([import('./shell.js')]);
  signedInAs = `${user.value.userId} ${user.value.accountId}`;
  startShell();
  shell.value = Shell;
}

let signedInAs = null;

/** Another sign-in: the same person continues where they were, with what is unsent; somebody else starts over. */
async function goOn() {
  if (signedInAs !== `${user.value.userId} ${user.value.accountId}`) { location.reload(); return; }
  (await import('./data/stream.js')).resume();
}

function App() {
  if (!restored.value) return html`<p class="loading" role="status">Tertulia …</p>`;
  if (!user.value) return html`<${SignIn} onDone=${begin} />`;
  const Shell = shell.value;
  return html`
    ${Shell ? html`<${Shell} />` : html`<p class="loading" role="status">${t('Loading …')}</p>`}
    ${ended.value && html`<${SignIn} again onDone=${goOn} />`}
    <${Toasts} />`;
}

applyTheme();
await Promise.all([speak(preferredLanguage()), restore().catch(() => false).then((ok) => (ok ? begin() : null))]);
restored.value = true;
effect(() => { const wanted = preferredLanguage(); if (wanted !== language.peek()) speak(wanted); }); // chosen here or in another tab
render(html`<${App} />`, document.getElementById('app').parentElement.appendChild(document.createElement('div')));
document.getElementById('app').remove();
