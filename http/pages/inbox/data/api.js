// Calls of the public API. A refused call throws Problem, with the server's words and the fields at fault.
import { authorization, end } from './session.js';

const DEADLINE = 20_000;
const TRIES = 4;

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? body.title ?? `HTTP ${status}`);
    this.status = status;
    this.code = body.code;
    this.errors = body.errors ?? [];
    this.requestId = body.request_id;
    this.current = body.current;
  }

  get text() {
    return this.errors.length ? `${this.message} (${this.errors.map((e) => `${e.path}: ${e.message}`).join('; ')})` : this.message;
  }
}

export const isOffline = (error) => !(error instanceof Problem);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
/** Busy, starting or moving: the same call may succeed in a moment. */
const isPassing = (error) => isOffline(error) || error.status === 429 || error.status === 503;

async function once(method, path, { body, headers, query, raw, signal } = {}) {
  const url = query ? `${path}?${search(query)}` : path;
  const isFile = body instanceof Blob;
  const response = await fetch(url, {
    method,
    headers: {
      ...authorization(),
      ...(body === undefined ? {} : { 'Content-Type': isFile ? body.type || 'application/octet-stream' : 'application/json' }),
      ...headers,
    },
    body: body === undefined || isFile ? body : JSON.stringify(body),
    signal: signal ?? AbortSignal.timeout(isFile ? 300_000 : DEADLINE),
  }).catch((error) => { error.isRead = method === 'GET'; throw error; });
  if (response.ok) return raw ? response : response.status === 204 ? null : response.json();
  const problem = new Problem(response.status, await response.json().catch(() => ({})));
  problem.retryAfter = Number(response.headers.get('Retry-After')) || 0;
  if (response.status === 401) end();
  throw problem;
}

export function search(query) {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== '') words.append(name, one);
    }
  }
  return words.toString();
}

/** A call that may be repeated without harm; it is, while the server is busy or away. */
async function safely(method, path, options) {
  for (let tried = 1; ; tried += 1) {
    try {
      return await once(method, path, options);
    } catch (error) {
      if (!isPassing(error) || tried >= TRIES || options?.signal?.aborted) throw error;
      await pause(Math.max((error.retryAfter ?? 0) * 1000, 250 * 2 ** tried * (0.75 + Math.random() / 2)));
    }
  }
}

export const api = {
  get: (path, query, options) => safely('GET', path, { query, ...options }),
  put: (path, body) => safely('PUT', path, { body }),
  delete: (path) => safely('DELETE', path),
  patch: (path, body) => once('PATCH', path, { body }),
  /** A change that is merged key by key: the same again changes nothing. */
  merge: (path, body) => safely('PATCH', path, { body }),
  post: (path, body, options) => once('POST', path, { body, ...options }),
  /** A message: safe to repeat, because its `client_message_id` makes it one. */
  postOnce: (path, body) => safely('POST', path, { body }),
  file: (path) => safely('GET', path, { raw: true }).then((r) => r.blob()),
  /** Every item of a paged list, at most `most`. */
  async all(path, query = {}, most = 1000) {
    const items = [];
    let cursor;
    do {
      const page = await this.get(path, { limit: 100, ...query, cursor });
      items.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor && items.length < most);
    return items;
  },
};
