/** A stream of events over fetch, EventSource or WebSocket, without gap or repeat over cuts.
 *
 * A ticket opens one connection only, so EventSource's own reconnecting would be refused for good: each connection here is a new
 * one, with a new ticket and the cursor of the last event that was handed out.
 */

import { ApiError, StreamClosed } from "./errors.js";
import { TYPES } from "./event_types.js";

const SILENCE = 45_000;
const LONGEST_PAUSE = 10_000;
const MAX_EVENT = 16 * 1024 * 1024;
const FINAL_CODES = new Set([1002, 1003, 1007, 1009]);
const RETRIED = new Set([408, 429, 500, 502, 503, 504]);
const QUEUE = 1_000;

/** How a connection ended; `code` is null where the transport has none. */
class Ended extends Error {
  constructor(code, reason = "") {
    super(reason);
    this.code = code;
  }
}

export class EventStream {
  #client;
  #options;
  #cursor;
  #waiting = [];
  #wake = () => {};
  #room = () => {};
  #error = null;
  #closing = new AbortController();
  #failures = 0;
  #socket = null;
  #asked = new Map();
  #refs = 0;

  constructor(client, options) {
    this.#client = client;
    this.#options = { over: "fetch", ...options };
    this.#cursor = options.since ?? null;
    this.cursor = this.#cursor;
    this.connections = 0;
    this.ready = new Promise((resolve, reject) => {
      this.#isReady = resolve;
      this.#isRefused = reject;
    });
    this.ready.catch(() => {});
    this.#run();
  }

  #isReady;
  #isRefused;

  /** End the stream; a loop over it ends too. */
  close() {
    this.#closing.abort();
    this.#isRefused(new Error("the stream was closed"));
    this.#wake();
    this.#room();
  }

  async *[Symbol.asyncIterator]() {
    try {
      for (;;) {
        while (this.#waiting.length) {
          const event = this.#waiting.shift();
          this.#room();
          this.cursor = event.type === "reset" ? event.data.cursor : event.id || this.cursor;
          yield event;
        }
        if (this.#error) throw this.#error;
        if (this.#closing.signal.aborted) return;
        await new Promise((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.close();
    }
  }

  /** Send a message (docs/websocket.md) and get the data of its answer. Not repeated. Only over a WebSocket. */
  async send(type, fields = {}, { timeout = 30_000 } = {}) {
    if (this.#options.over !== "websocket") throw new TypeError("only a WebSocket carries messages to the server");
    await this.ready;
    if (this.#socket === null) throw new Error(`${type}: the connection is being renewed`);
    const ref = String(++this.#refs);
    try {
      return await new Promise((resolve, reject) => {
        this.#asked.set(ref, { resolve, reject });
        setTimeout(() => reject(new Error(`${type} was not answered in time`)), timeout);
        this.#socket.send(JSON.stringify({ ...fields, type, ref }));
      });
    } finally {
      this.#asked.delete(ref);
    }
  }

  // -- the connections

  async #run() {
    let renewed = 0;
    while (!this.#closing.signal.aborted) {
      const before = this.connections;
      const headers = {};
      await this.#roomy();
      try {
        Object.assign(headers, await this.#client.headers());
        await this.#connect(headers);
        await this.#pause(0);
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        if (this.connections > before) renewed = 0;
        if (error instanceof ApiError) {
          if (error.status === 401 && renewed++ === 0 && this.#client.refused(headers.Authorization)) continue;
          if (!RETRIED.has(error.status)) return this.#fail(error);
        }
        if (FINAL_CODES.has(error.code)) return this.#fail(new StreamClosed(error.code, error.message));
        if (error.code === 1008) this.#client.refused(headers.Authorization);
        await this.#pause((error.retryAfter ?? 0) * 1000 + (error.code === 1013 ? 500 : 0));
      }
    }
  }

  #fail(error) {
    this.#error = error;
    this.#isRefused(error);
    this.#wake();
  }

  #pause(least) {
    this.#failures = Math.min(this.#failures + 1, 10);
    const pause = Math.min(LONGEST_PAUSE, 100 * 2 ** this.#failures) * (0.5 + Math.random() / 2);
    return new Promise((resolve) => setTimeout(resolve, least + pause));
  }

  #connect(headers) {
    if (this.#options.over === "websocket") return this.#overWebSocket();
    return this.#options.over === "eventsource" ? this.#overEventSource() : this.#overFetch(headers);
  }

  #query(more = {}) {
    const query = new URLSearchParams(more);
    const { topics } = this.#options;
    if (topics) query.set("topics", typeof topics === "string" ? topics : [...topics].join(","));
    if (this.#cursor) query.set("since", this.#cursor);
    return query.size ? `?${query}` : "";
  }

  /** The address of a connection that cannot carry headers. */
  async #ticketed(path) {
    const { ticket } = await this.#client.post("/v1/auth/ticket");
    return this.#client.url + path + this.#query({ ticket });
  }

  #take(event) {
    this.#failures = 0;
    if (event.type === "ready") {
      this.connections++;
      this.#cursor ??= event.data.cursor;
      this.cursor ??= this.#cursor;
      return this.#isReady();
    }
    if (event.type === "close") throw new Ended(event.data.code, event.data.reason);
    if (event.type === "ack" || event.type === "error") return this.#answer(event);
    if (this.#waiting.length >= QUEUE && this.#options.over !== "fetch") throw new Ended(null, "the reader is too slow");
    this.#waiting.push(event);
    this.#cursor = event.type === "reset" ? event.data.cursor : event.id || this.#cursor;
    this.#wake();
  }

  #answer({ type, ref, data, error }) {
    const asked = this.#asked.get(ref);
    if (type === "ack") asked?.resolve(data);
    else asked?.reject(ApiError.ofFrame(error));
  }

  /** Wait while too many events wait for the caller. */
  async #roomy() {
    while (this.#waiting.length >= QUEUE && !this.#closing.signal.aborted) {
      await new Promise((resolve) => (this.#room = resolve));
    }
  }

  async #overFetch(headers) {
    const silence = new AbortController();
    const signal = AbortSignal.any([this.#closing.signal, silence.signal]);
    const response = await this.#client.fetch("/v1/stream" + this.#query(), { headers, signal, cache: "no-store" });
    if (!response.ok) throw await ApiError.of(response);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const timer = setTimeout(() => silence.abort(new Ended(null, "silence")), SILENCE);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      if (done) throw new Ended(null);
      rest += value;
      if (!value.includes("\n")) {
        if (rest.length > MAX_EVENT) throw new Ended(1009, "an event is too large");
        continue;
      }
      const lines = rest.split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const closed = /^: closed (\d{4}) ?(.*)/.exec(line);
        if (closed) throw new Ended(Number(closed[1]), closed[2]);
        if (line.startsWith("data:")) this.#take(JSON.parse(line.slice(5)));
      }
      await this.#roomy();
    }
  }

  async #overEventSource() {
    const Source = this.#options.EventSource ?? globalThis.EventSource;
    const source = new Source(await this.#ticketed("/v1/stream"));
    await this.#until(
      (take, finish) => {
        for (const type of TYPES) source.addEventListener(type, take);
        source.onerror = () => finish(new Ended(null));
      },
      () => source.close(),
    );
  }

  async #overWebSocket() {
    const Socket = this.#options.WebSocket ?? globalThis.WebSocket;
    const socket = new Socket((await this.#ticketed("/v1/ws")).replace(/^http/, "ws"));
    await this.#until(
      (take, finish) => {
        socket.onopen = () => (this.#socket = socket);
        socket.onmessage = take;
        socket.onerror = () => finish(new Ended(null));
        socket.onclose = ({ code, reason }) => finish(new Ended(code === 1006 ? null : code, reason));
      },
      () => {
        this.#socket = null;
        for (const { reject } of this.#asked.values()) reject(new Error("the connection ended before the answer"));
        socket.close();
      },
    );
  }

  /** Wait for the end of a connection. What still arrives after it is dropped, and sent again on the next. */
  #until(begin, end) {
    const { signal } = this.#closing;
    let open = true;
    let stop;
    return new Promise((_, reject) => {
      const finish = (reason) => {
        open = false;
        reject(reason);
      };
      stop = () => finish(new Ended(1000));
      signal.addEventListener("abort", stop);
      if (signal.aborted) stop();
      begin((message) => {
        if (!open) return;
        try {
          this.#take(JSON.parse(message.data));
        } catch (error) {
          finish(error);
        }
      }, finish);
    }).finally(() => {
      signal.removeEventListener("abort", stop);
      end();
    });
  }
}
