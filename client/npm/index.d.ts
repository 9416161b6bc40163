/** A small client of Tertulia's API for browsers and Node. */

import type { Event } from "./events.js";
import type { components, paths } from "./openapi.js";

export type { Event } from "./events.js";
export type { components, operations, paths } from "./openapi.js";

/** The objects of the API: `Schemas["Message"]`. */
export type Schemas = components["schemas"];

type Method = "get" | "post" | "put" | "patch" | "delete";

/** The paths that have a method. */
export type PathsWith<M extends Method> = {
  [P in keyof paths]: paths[P][M] extends { responses: unknown } ? P : never;
}[keyof paths];

type Json<T> = T extends { content: { "application/json": infer J } } ? J : T extends { content: { "text/plain": infer S } } ? S : undefined;
type Success = 200 | 201 | 202 | 204;

/** What a call answers with: the JSON of its successful responses; undefined where they have none. */
export type Answer<Op> = Op extends { responses: infer R } ? { [S in keyof R & Success]: Json<R[S]> }[keyof R & Success] : never;

type Body<Op> = Op extends { requestBody: { content: { "application/json": infer J } } }
  ? { body: J }
  : Op extends { requestBody?: { content: { "application/json": infer J } } }
    ? { body?: J }
    : { body?: undefined };

type Places<Op> = Op extends { parameters: { path: infer P } } ? { path: P } : { path?: undefined };
type Query<Op> = Op extends { parameters: { query: infer Q } } ? { query: Q } : Op extends { parameters: { query?: infer Q } } ? { query?: Q } : { query?: undefined };
type Parameters<Op> = Places<Op> & Query<Op>;
type Params<Op> = {} extends Parameters<Op> ? { params?: Parameters<Op> } : { params: Parameters<Op> };

/** `timeout` in milliseconds, repeats included. */
export interface CallOptions {
  timeout?: number;
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

/** What a call takes. */
export type Init<Op> = Params<Op> & Body<Op> & CallOptions;
type Arguments<Op> = {} extends Init<Op> ? [init?: Init<Op>] : [init: Init<Op>];

export interface ClientOptions {
  /** A bearer token, or a function that makes one and is asked for another when the server refuses it. */
  token?: string | (() => string | Promise<string>);
  /** Picks the account where the token holds several. */
  accountId?: string;
  /** Milliseconds for a call, repeats included: 30,000. */
  timeout?: number;
  /** How often a call is sent at most: 8. */
  attempts?: number;
  fetch?: typeof globalThis.fetch;
}

export interface StreamOptions {
  /** `account`, `user`, `conversation:<id>`; by default the token's own. */
  topics?: Iterable<string>;
  /** The id of an event seen earlier: the stream resumes after it. */
  since?: string | null;
  /** `fetch` carries the token in a header; the others open each connection with a new single-use ticket. */
  over?: "fetch" | "eventsource" | "websocket";
  /** The classes to use where the platform has none. */
  EventSource?: new (url: string) => object;
  WebSocket?: new (url: string) => object;
}

/** The server refused a call. `retryAfter` is in seconds; `current` is the state that a conflict was refused for. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly errors: { path: string; message: string }[];
  readonly requestId: string;
  readonly current: Record<string, unknown> | null;
  readonly retryAfter: number | null;
}

/** The server ended a stream for a reason that a new connection does not mend. */
export class StreamClosed extends Error {
  readonly code: number;
  readonly reason: string;
}

/** Events without gap or repeat over cuts, restarts and expired tokens and tickets. After a `reset` fetch everything you show again. */
export class EventStream implements AsyncIterable<Event> {
  /** The id to resume from: after the last event that was handed out. */
  readonly cursor: string | null;
  /** How many connections the server has said `ready` on. */
  readonly connections: number;
  /** Resolves once the topics are followed. */
  readonly ready: Promise<void>;
  [Symbol.asyncIterator](): AsyncGenerator<Event, void, undefined>;
  /** Send a message (docs/websocket.md) and get the data of its answer; only over a WebSocket. Not repeated. */
  send(type: string, fields?: Record<string, unknown>, options?: { timeout?: number }): Promise<unknown>;
  close(): void;
}

export class TertuliaClient {
  readonly url: string;
  constructor(url: string, options?: ClientOptions);
  get<P extends PathsWith<"get">>(path: P, ...init: Arguments<paths[P]["get"]>): Promise<Answer<paths[P]["get"]>>;
  post<P extends PathsWith<"post">>(path: P, ...init: Arguments<paths[P]["post"]>): Promise<Answer<paths[P]["post"]>>;
  put<P extends PathsWith<"put">>(path: P, ...init: Arguments<paths[P]["put"]>): Promise<Answer<paths[P]["put"]>>;
  patch<P extends PathsWith<"patch">>(path: P, ...init: Arguments<paths[P]["patch"]>): Promise<Answer<paths[P]["patch"]>>;
  delete<P extends PathsWith<"delete">>(path: P, ...init: Arguments<paths[P]["delete"]>): Promise<Answer<paths[P]["delete"]>>;
  /** Upload a file for `attachments` of a message. */
  upload(file: Blob, name?: string): Promise<Schemas["UploadedAttachment"]>;
  /** The bytes of an attachment, by the `url` in a message. */
  download(url: string): Promise<Blob>;
  /** A stream that resumes by itself. */
  events(options?: StreamOptions): EventStream;
}
