// Short notices: what failed and why, what was done.
import { html, signal } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { Problem } from './api.js';

const shown = signal([]);
let number = 0;

export function say(text, { kind = 'info', action = null, ms = 6000 } = {}) {
  const toast = { id: (number += 1), text, kind, action };
  shown.value = [...shown.value.slice(-3), toast];
  setTimeout(() => dismiss(toast.id), ms);
}

/** Without an answer nobody knows whether the server has made a change. */
const unanswered = (error) => (error.isRead ? t('The server cannot be reached. Try again.') : t('The server cannot be reached. Check whether it was done, then try again.'));

export function complain(error) {
  if (!(error instanceof Error)) throw error;
  say(error instanceof Problem ? error.text : unanswered(error), { kind: 'error', ms: 10_000 });
}

/** Run an action; tell what went wrong. Returns undefined then. */
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    complain(error);
    return undefined;
  }
}

const dismiss = (id) => { shown.value = shown.value.filter((toast) => toast.id !== id); };

export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${shown.value.map((toast) => html`<div key=${toast.id} class="toast ${toast.kind}">
      <span dir="auto">${toast.text}</span>
      ${toast.action && html`<button type="button" class="link" onClick=${() => { dismiss(toast.id); toast.action.run(); }}>${toast.action.label}</button>`}
      <button type="button" class="icon" aria-label=${t('Dismiss')} onClick=${() => dismiss(toast.id)}>×</button>
    </div>`)}
  </div>`;
}
