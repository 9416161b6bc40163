/** A small client of Tertulia's API: calls with repeats, errors with their code, streams. See index.d.ts for what it takes. */

import { ApiError } from "./errors.js";
import { EventStream } from "./stream.js";

export { ApiError, StreamClosed } from "./errors.js";
export { EventStream } from "./stream.js";

const REFUSED = new Set([429, 503]);
const UNREACHED = new Set([502, 504]);
const REPEATABLE = new Set(["GET", "PUT", "DELETE"]);
/** Calls with a key in their body: a repeat has no second effect. */
export const KEYED = new Set(["/v1/conversations/{id}/messages", "/v1/webchat/messages"]);
const FIRST_PAUSE = 200;
const LONGEST_PAUSE = 10_000;

export class TertuliaClient {
  #options;
  #token;
  #renewing = null;

  constructor(url, options = {}) {
    const { protocol } = new URL(url);
    if (protocol !== "http:" && protocol !== "https:") throw new TypeError(`${url} is not an http or https URL`);
    this.url = url.replace(/\/+$/, "");
    this.#options = { timeout: 30_000, attempts: 8, fetch: (...args) => globalThis.fetch(...args), ...options };
    this.#token = typeof options.token === "string" ? options.token : null;
  }

  get(path, init) {
    return this.#call("GET", path, init);
  }

  post(path, init) {
    return this.#call("POST", path, init);
  }

  put(path, init) {
    return this.#call("PUT", path, init);
  }

  patch(path, init) {
    return this.#call("PATCH", path, init);
  }

  delete(path, init) {
    return this.#call("DELETE", path, init);
  }

  /** Upload a File or Blob for `attachments` of a message. */
  upload(file, name = file.name) {
    const params = name ? { query: { name } } : {};
    return this.#call("POST", "/v1/attachments", { params, raw: file, headers: { "Content-Type": file.type || "application/octet-stream" } });
  }

  /** The bytes of an attachment, by the `url` in a message. */
  async download(url) {
    const { pathname, search } = new URL(url, this.url);
    const response = await this.#fetch("GET", pathname + search, {}, Date.now() + this.#options.timeout, true);
    return response.blob();
  }

  /** A stream of events that resumes by itself. */
  events(options = {}) {
    return new EventStream(this, options);
  }

  async headers() {
    const token = await this.token();
    const found = {};
    if (token !== null) found.Authorization = `Bearer ${token}`;
    if (this.#options.accountId) found["X-Account-Id"] = this.#options.accountId;
    return found;
  }

  /** The present token; concurrent callers wait for one renewal. */
  async token() {
    const make = this.#options.token;
    if (this.#token !== null || typeof make !== "function") return this.#token;
    this.#renewing ??= Promise.resolve(make()).then((token) => (this.#token = token)).finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  /** Forget a token that the server refused. False if there can be no other. */
  refused(authorization) {
    const renewable = typeof this.#options.token === "function";
    if (renewable && authorization === `Bearer ${this.#token}`) this.#token = null;
    return renewable;
  }

  fetch(target, init) {
    return this.#options.fetch(this.url + target, { redirect: "error", ...init });
  }

  async #call(method, path, init = {}) {
    const headers = { ...init.headers };
    let { body } = init;
    if (KEYED.has(path) && method === "POST") body = { ...body, client_message_id: body.client_message_id ?? key() };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const request = { headers, body: body === undefined ? init.raw : JSON.stringify(body), signal: init.signal };
    const repeatable = REPEATABLE.has(method) || KEYED.has(path);
    const deadline = Date.now() + (init.timeout ?? this.#options.timeout);
    const response = await this.#fetch(method, target(path, init.params), request, deadline, repeatable);
    const text = await response.text();
    if (!text) return undefined;
    return response.headers.get("Content-Type")?.includes("json") ? JSON.parse(text) : text; // metrics and pages are text
  }

  async #fetch(method, target, init, deadline, repeatable) {
    let renewed = false;
    for (let attempt = 1; ; attempt++) {
      const own = await this.headers();
      let after = null;
      let failure;
      try {
        const late = AbortSignal.timeout(Math.max(1, deadline - Date.now()));
        const signal = init.signal ? AbortSignal.any([init.signal, late]) : late;
        const response = await this.fetch(target, { ...init, method, headers: { ...own, ...init.headers }, signal });
        if (response.ok) return response;
        if (response.status === 401 && !renewed && this.refused(own.Authorization)) {
          renewed = true;
          continue;
        }
        failure = await ApiError.of(response);
        if (!REFUSED.has(response.status) && !(UNREACHED.has(response.status) && repeatable)) throw failure;
        after = failure.retryAfter;
      } catch (error) {
        if (error instanceof ApiError || init.signal?.aborted || !repeatable) throw error;
        failure = error;
      }
      const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
      const wait = after === null ? pause : after * 1000 + pause;
      if (attempt >= this.#options.attempts || Date.now() + wait >= deadline) throw failure;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

function target(path, { path: places = {}, query = {} } = {}) {
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => {
    const value = String(places[name] ?? "");
    if (value === "" || value === "." || value === "..") throw new TypeError(`${name}: "${value}" is not an id`);
    return encodeURIComponent(value);
  });
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined && one !== null) given.append(name, String(one));
  }
  return given.size ? `${filled}?${given}` : filled;
}

/** A random key; `randomUUID` exists only in secure contexts. */
function key() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
