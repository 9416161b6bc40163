// Sign-in: with a token, or in the demo as one of its agents.
import { html, useEffect, useState } from './basics/ui.js';
import { t } from './basics/i18n.js';
import { claimsOf, demoAgents, signIn, signInDemo } from './data/session.js';

export function SignIn({ onDone, again = false }) {
  const [agents, setAgents] = useState([]);
  const [token, setToken] = useState('');
  const [accounts, setAccounts] = useState(null);
  const [account, setAccount] = useState('');
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => { demoAgents().then(setAgents).catch(() => null); }, []);

  async function run(action) {
    setBusy(true);
    setProblem(null);
    try {
      await action();
      onDone();
    } catch (error) {
      setProblem(error instanceof TypeError ? t('The server cannot be reached. Try again.') : error.message);
      setBusy(false);
    }
  }

  function readToken(text) {
    setToken(text);
    const names = Object.keys(claimsOf(text.trim())?.accounts ?? {});
    setAccounts(names.length > 1 ? names : null);
    setAccount(names[0] ?? '');
  }

  function submit(event) {
    event.preventDefault();
    run(() => signIn(token.trim(), { account: account || null }));
  }

  return html`<main class="sign-in ${again ? 'over' : ''}">
    <div class="card">
      <h1>${t('Tertulia inbox')}</h1>
      ${again && html`<p>${t('Your session has ended. Sign in again to continue; unsent text is kept.')}</p>`}
      ${agents.length > 0 && html`<section aria-labelledby="demo-title">
        <h2 id="demo-title">${t('Demo: sign in as')}</h2>
        <div class="demo-agents">${agents.map((agent) => html`
          <button type="button" class="primary" key=${agent.user_id} disabled=${busy} data-demo=${agent.name}
            onClick=${() => run(() => signInDemo(agent.user_id))}>${agent.name} <small>${t(agent.role)}</small></button>`)}
        </div>
      </section>`}
      <form onSubmit=${submit}>
        <label for="token">${t('Access token')}</label>
        <textarea id="token" rows="3" autocomplete="off" spellcheck=${false} required value=${token} onInput=${(e) => readToken(e.target.value)}></textarea>
        ${accounts && html`<label for="account">${t('Account')}</label>
          <select id="account" value=${account} onChange=${(e) => setAccount(e.target.value)}>
            ${accounts.map((id) => html`<option value=${id}>${id}</option>`)}
          </select>`}
        <button type="submit" disabled=${busy || !token.trim()}>${t('Sign in')}</button>
      </form>
      ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    </div>
  </main>`;
}
