// The customer's session, and calls of the public API with it. A visitor's session is kept in this origin's own storage, which the page
// around cannot read; a known customer's lives in memory, and is proved anew by each page.
import { signal } from './ui.js';

const DEADLINE = 20_000;
const TRIES = 5;
const SOON = 60_000;

export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(body.detail ?? body.title ?? `HTTP ${status}`);
    this.status = status;
    this.errors = body.errors ?? [];
    this.retryAfter = retryAfter;
  }
}

let channel = '';
let identity = {};
let own = null; // a known customer's session
/** Whose thread is shown: a known customer's identifier, or null for a visitor. */
export const person = signal(null);
/** The page must give a fresh proof of who its customer is. */
export const needsProof = signal(false);
let expired = () => null;
export const onExpired = (handler) => { expired = handler; };

const isKnown = () => Boolean(identity.token || (identity.identifier && identity.hash));
export const place = (name) => `tertulia.${channel}.${person.peek() ?? ''}.${name}`;

/** Kept values; storage may be forbidden, then they last as long as the page. */
export const store = {
  memory: {},
  get(name) {
    const key = place(name);
    try { return JSON.parse(localStorage.getItem(key)) ?? this.memory[key] ?? null; } catch { return this.memory[key] ?? null; }
  },
  set(name, value) {
    const key = place(name);
    this.memory[key] = value;
    try { if (value === null) localStorage.removeItem(key); else localStorage.setItem(key, JSON.stringify(value)); } catch { /* memory has it */ }
  },
};

export function begin(channelId, who) {
  channel = channelId;
  identity = who;
  person.value = null;
  own = null;
  if (isKnown()) person.value = identity.identifier ?? claimed(identity.token) ?? 'customer';
}

/** The identifier that a token names; the server decides whether it is true. */
function claimed(token) {
  try {
    const bytes = Uint8Array.from(atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
    return String(JSON.parse(new TextDecoder().decode(bytes)).sub);
  } catch { return null; }
}

const kept = () => (isKnown() ? own : store.get('session'));
const keep = (session) => { if (isKnown()) own = session; else store.set('session', session); };
const left = (session) => Date.parse(session.expires_at) - Date.now();
/** Whether there is, or may be, a thread to show. */
export const hasSession = () => isKnown() || (kept() !== null && left(kept()) > SOON);

/** One tab at a time makes a session, so that two tabs are one visitor. */
const alone = (work) => (navigator.locks ? navigator.locks.request(place('session'), work) : work());

let making = null;
/** The session's token; makes a session if there is none. */
export function authorized() {
  const session = kept();
  if (session && left(session) > SOON) return Promise.resolve(session.token);
  making ??= alone(make).finally(() => { making = null; });
  return making;
}

async function make() {
  const found = kept();
  if (found && left(found) > SOON) return found.token;
  const { identifier, hash, token, name } = identity;
  const proof = token ? { identity_token: token } : isKnown() ? { contact_identifier: identifier, identity_hash: hash } : {};
  try {
    const session = await once('POST', `/v1/webchat/${channel}/sessions`, { body: { ...proof, ...(name ? { contact_name: name } : {}) } });
    keep({ ...session, made: Date.now() });
    needsProof.value = false;
    return session.token;
  } catch (error) {
    if (error.status === 403) { needsProof.value = true; if (isKnown()) expired(); }
    throw error;
  }
}

/** Before half of a visitor's session is over, get a new one for the same thread. */
export async function renew() {
  const session = kept();
  if (isKnown() || !session || left(session) > (Date.parse(session.expires_at) - session.made) / 2) return;
  try {
    const body = await once('POST', `/v1/webchat/${channel}/sessions`, { token: session.token });
    keep({ ...body, made: Date.now() });
  } catch { /* the old one still holds; the next page tries again */ }
}

export function forget() {
  for (const name of ['session', 'seen', 'outbox', 'draft', 'form']) store.set(name, null);
  begin(channel, {});
}

async function once(method, path, { body, token, raw, timeout = DEADLINE } = {}) {
  const isFile = body instanceof Blob;
  const response = await fetch(path, {
    method,
    headers: {
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
      ...(body === undefined ? {} : { 'Content-Type': isFile ? body.type || 'application/octet-stream' : 'application/json' }),
    },
    body: body === undefined || isFile ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(timeout),
    credentials: 'same-origin',
  });
  if (response.ok) return raw ? response : response.status === 204 ? null : response.json();
  throw new Problem(response.status, await response.json().catch(() => ({})), Number(response.headers.get('Retry-After')) || 0);
}

const isPassing = (error) => !(error instanceof Problem) || [429, 502, 503, 504].includes(error.status);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** A call that may be repeated without harm; it is, while the server is busy or away. */
async function safely(method, path, options = {}) {
  for (let tried = 1; ; tried += 1) {
    try {
      return await once(method, path, { ...options, token: options.anyone ? null : await authorized() });
    } catch (error) {
      if (error.status === 401 && !options.anyone && tried === 1) { keep(null); continue; } // ended early: as a new visitor, or proved anew
      if (!isPassing(error) || tried >= TRIES) throw error;
      await pause(Math.max((error.retryAfter ?? 0) * 1000, 250 * 2 ** tried * (0.75 + Math.random() / 2)));
    }
  }
}

export const api = {
  channel: () => safely('GET', `/v1/webchat/${channel}`, { anyone: true }),
  get: (path) => safely('GET', path),
  /** A message: safe to repeat, because its `client_message_id` makes it one. */
  postOnce: (path, body) => safely('POST', path, { body }),
  post: async (path, body) => once('POST', path, { body, token: await authorized(), timeout: body instanceof Blob ? 300_000 : DEADLINE }),
  blob: (path) => safely('GET', path, { raw: true, timeout: 300_000 }).then((response) => response.blob()),
};
