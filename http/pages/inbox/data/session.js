// Who is signed in. The token lives in this module's memory; a reload gets it back through a cookie that scripts cannot read.
import { t } from '../basics/i18n.js';
import { signal } from '../basics/ui.js';

const RENEW_BEFORE = 300_000; // ms before the token's end

/** null: nobody; else {userId, name, role, accountId, accounts, expiresAt, demo}. */
export const user = signal(null);
export const ended = signal(false);
let token = null;
let renewal = 0;

export const can = (role) => ({ agent: 1, lead: 2, admin: 3 })[user.value?.role] >= { agent: 1, lead: 2, admin: 3 }[role];

export function authorization() {
  return token ? { Authorization: `Bearer ${token}`, 'X-Account-Id': user.value.accountId } : {};
}

/** What a token says of itself; the server decides whether it is true. Null when it is none. */
export function claimsOf(text) {
  try {
    const bytes = Uint8Array.from(atob(text.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    const accounts = typeof claims.accounts === 'string' ? JSON.parse(claims.accounts) : claims.accounts;
    return accounts && Object.keys(accounts).length ? { ...claims, accounts } : null;
  } catch {
    return null;
  }
}

/** Sign in with a token; `account` chooses when it holds several. Throws what the server answers. */
export async function signIn(text, { account = null, demo = false } = {}) {
  const claims = claimsOf(text);
  if (!claims) throw new Error(t('This is not an access token of this server.'));
  const accountId = account ?? Object.keys(claims.accounts)[0];
  const response = await fetch('/inbox/session', {
    method: 'POST', headers: { Authorization: `Bearer ${text}`, 'X-Account-Id': accountId },
  });
  if (!response.ok) throw new Error((await response.json().catch(() => ({}))).detail ?? `HTTP ${response.status}`);
  adopt(text, claims, accountId, demo);
}

function adopt(text, claims, accountId, demo) {
  token = text;
  ended.value = false;
  user.value = {
    userId: claims.sub, name: claims.name ?? claims.sub, role: claims.accounts[accountId], accountId,
    accounts: claims.accounts, expiresAt: claims.exp * 1000, demo,
  };
  clearTimeout(renewal);
  const left = claims.exp * 1000 - Date.now();
  renewal = setTimeout(demo ? renewDemo : end, Math.max(1000, Math.min(demo ? left - RENEW_BEFORE : left, 2 ** 31 - 1)));
}

async function renewDemo() {
  try {
    await signInDemo(user.value.userId);
  } catch {
    renewal = setTimeout(end, Math.max(0, user.value.expiresAt - Date.now()));
  }
}

export async function restore() {
  const response = await fetch('/inbox/session');
  if (!response.ok) return false;
  const found = await response.json();
  if (!found.token) return false;
  const demo = (await demoAgents()).some((a) => a.user_id === claimsOf(found.token).sub);
  adopt(found.token, claimsOf(found.token), found.account_id, demo);
  return true;
}

export async function demoAgents() {
  const response = await fetch('/inbox/demo');
  return response.ok ? (await response.json()).items : [];
}

export async function signInDemo(userId) {
  const response = await fetch('/inbox/demo', {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ user_id: userId }),
  });
  if (!response.ok) throw new Error((await response.json()).detail);
  await signIn((await response.json()).token, { demo: true });
}

/** The token has ended, or the server no longer accepts it: what is on screen stays, and a sign-in is asked for. */
export function end() {
  if (user.value) ended.value = true;
}

export async function signOut() {
  token = null;
  clearTimeout(renewal);
  await fetch('/inbox/session', { method: 'DELETE' }).catch(() => null);
  location.reload(); // nothing of the account stays in memory
}
