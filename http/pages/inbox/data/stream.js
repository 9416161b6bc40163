// The live stream: a WebSocket, or Server-Sent Events where WebSockets are blocked. It resumes by cursor, and knows how far it is proved
// complete: an answered ping proves that everything queued before it has arrived.
import { batch, signal } from '../basics/ui.js';
import { api, search } from './api.js';
import { authorization, end, user } from './session.js';

const PING_EVERY = 5000;
const ANSWER_WITHIN = 3000;
const CONNECT_WITHIN = 8000;
const SLOWEST_RETRY = 15_000;
const KEEP = 'tertulia.cursor';
const MOST_AT_ONCE = 200; // events that wait for a frame; a page that is not drawn takes them at once
const RESUME_WITHIN = 120_000; // a reload resumes from the last cursor if it is younger than this

/** 'connecting' | 'catching-up' | 'live' | 'cut' */
export const state = signal('connecting');
/** {position, at}: everything up to this position of the account's feed was on this page at this time. */
export const proof = signal(null);

const handlers = new Set();
const resets = new Set();
const topics = new Map(); // topic → users
let cursor = null;
let socket = null;
let source = null;
let tries = 0;
let webSocketFailed = 0;
let numbers = 0;
let asked = new Map();
let timers = [];
let stopped = true;

export const transport = signal(null);
export const onEvent = (handler) => { handlers.add(handler); return () => handlers.delete(handler); };
/** Called when continuity could not be proved: refetch everything. */
export const onReset = (handler) => { resets.add(handler); return () => resets.delete(handler); };

const positionOf = (text) => Number(text?.split('.')[1] ?? 0); // shown to people only; resuming uses the cursor as a whole

function clear() {
  for (const timer of timers) clearInterval(timer);
  timers = [];
  for (const { fail } of asked.values()) fail(new Error('the stream was cut'));
  asked = new Map();
}

function confirm() {
  proof.value = { position: positionOf(cursor), at: Date.now() };
}

function seen(id) {
  if (!id) return;
  cursor = id;
  keeping ||= setTimeout(keepCursor, 500);
}

let keeping = 0;
function keepCursor() {
  keeping = 0;
  try {
    sessionStorage.setItem(KEEP, JSON.stringify({ cursor, at: Date.now(), user: user.value?.userId, account: user.value?.accountId }));
  } catch { /* without storage a reload starts over */ }
}

function remembered() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEEP));
    const ours = kept.user === user.value.userId && kept.account === user.value.accountId;
    return ours && Date.now() - kept.at < RESUME_WITHIN ? kept.cursor : null;
  } catch {
    return null;
  }
}

function deliver(event) {
  if (event.type === 'ready' || event.type === 'reset') flush();
  if (event.type === 'ready') {
    const isFirst = cursor === null; // what was fetched before the stream began may lack what happened in between
    seen(cursor ?? event.data.cursor);
    if (isFirst) for (const handler of resets) handler();
    return;
  }
  if (event.type === 'reset') {
    seen(event.data.cursor);
    for (const handler of resets) handler();
    return;
  }
  arrived.push(event);
  if (document.hidden || arrived.length >= MOST_AT_ONCE) flush();
  else frame ||= requestAnimationFrame(flush);
}

let arrived = []; // events that the next frame shows, so that a flood of them is drawn once a frame
let frame = 0;

/** Take in what has arrived. Whatever says that the page is complete must come after this. */
function flush() {
  cancelAnimationFrame(frame);
  frame = 0;
  const events = arrived;
  arrived = [];
  if (!events.length) return;
  batch(() => events.forEach(take));
  seen(events.at(-1).id);
  if (state.peek() === 'live') confirm(); // events come in order: what came before these is here
}

function take(event) {
  for (const handler of handlers) {
    try {
      handler(event);
    } catch (error) {
      reportError(error);
    }
  }
}

/** Ask over the WebSocket; rejects with the server's words, or when the stream is cut. */
export function ask(message, within = 10_000) {
  return new Promise((resolve, reject) => {
    if (!socket || socket.readyState !== WebSocket.OPEN) {
      reject(new Error('no stream'));
      return;
    }
    numbers += 1;
    const ref = String(numbers);
    const timer = setTimeout(() => { asked.delete(ref); reject(new Error('no answer')); }, within);
    asked.set(ref, {
      done: (data) => { clearTimeout(timer); resolve(data); },
      fail: (error) => { clearTimeout(timer); reject(error); },
    });
    socket.send(JSON.stringify({ ...message, ref }));
  });
}

/** Say without waiting; lost while the stream is cut, so for hints alone. */
export function tell(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

async function prove(connection) {
  try {
    await ask({ type: 'ping' }, ANSWER_WITHIN);
    if (connection === socket) {
      state.value = 'live';
      confirm();
    }
  } catch {
    if (connection === socket) lost();
  }
}

function answered(message) {
  flush(); // an answer proves what was sent before it
  const waiting = asked.get(String(message.ref));
  asked.delete(String(message.ref));
  if (message.type === 'ack') waiting?.done(message.data);
  else waiting?.fail(Object.assign(new Error(message.error.detail), message.error));
}

function lost() {
  flush();
  socket?.close();
  source?.abort();
  socket = null;
  source = null;
  clear();
  if (stopped) return;
  state.value = 'cut';
  tries += 1;
  const wait = Math.min(SLOWEST_RETRY, 250 * 2 ** Math.min(tries, 7)) * (0.5 + Math.random() / 2);
  timers.push(setTimeout(connect, wait));
}

/** The network came back, or the page is looked at again: do not wait for the timer. */
function hurry() {
  if (stopped) return;
  if (state.value === 'cut') {
    clear();
    connect();
  } else if (socket && state.value === 'live') {
    prove(socket);
  }
}

async function connect() {
  clear();
  if (stopped) return;
  state.value = tries ? 'cut' : 'connecting';
  if (webSocketFailed >= 2 && webSocketFailed % 5) {
    connectEvents();
    return;
  }
  let ticket;
  try {
    ({ ticket } = await api.post('/v1/auth/ticket'));
  } catch (error) {
    if (error.status === 401) { stop(); end(); } else lost();
    return;
  }
  // conversations follow once it is open: an address may name one that does not exist, and the account's topic has their entries too
  const query = search({ ticket, topics: 'account,user', since: cursor });
  subscribed = new Set(['account', 'user']);
  const opening = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/v1/ws?${query}`);
  socket = opening;
  let isOpen = false;
  timers.push(setTimeout(() => { if (!isOpen && opening === socket) opening.close(); }, CONNECT_WITHIN));
  opening.onopen = () => {
    isOpen = true;
    tries = 0;
    webSocketFailed = 0;
    transport.value = 'websocket';
    state.value = 'catching-up';
    for (const topic of topics.keys()) subscribe(topic);
    prove(opening); // answered after the replay
    timers.push(setInterval(() => prove(opening), PING_EVERY));
  };
  opening.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === 'ack' || message.type === 'error') answered(message);
    else deliver(message);
  };
  opening.onclose = ({ code }) => {
    if (opening !== socket) return;
    if (!isOpen) webSocketFailed += 1;
    if (code === 1008 && user.value.expiresAt <= Date.now()) { socket = null; clear(); end(); return; }
    lost();
  };
}

let subscribed = new Set();

async function connectEvents() {
  const control = new AbortController();
  source = control;
  let buffer = '';
  let alive = Date.now();
  webSocketFailed += 1;
  try {
    const opened = (names) => fetch(`/v1/stream?${search({ topics: names.join(','), since: cursor })}`, { headers: authorization(), signal: control.signal });
    let response = await opened([...topics.keys()]);
    if (response.status === 404) response = await opened(['account', 'user']);
    if (response.status === 401) { stop(); end(); return; }
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    tries = 0;
    transport.value = 'sse';
    subscribed = new Set(topics.keys());
    state.value = 'catching-up';
    // the server sends a comment every 15 s; without one the connection is dead
    timers.push(setInterval(() => { if (Date.now() - alive > 25_000 && source === control) lost(); }, 2000));
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      alive = Date.now();
      buffer += part.value;
      const blocks = buffer.split('\n\n');
      buffer = blocks.pop();
      for (const block of blocks) {
        const data = block.split('\n').filter((l) => l.startsWith('data:')).map((l) => l.slice(5).trimStart()).join('\n');
        if (data) deliver(JSON.parse(data));
      }
      flush();
      state.value = 'live';
      confirm();
    }
  } catch { /* cut: try again below */ }
  if (source === control) lost();
}

function subscribe(topic) {
  if (subscribed.has(topic)) return;
  subscribed.add(topic);
  ask({ type: 'subscribe', topics: [topic] }).catch(() => subscribed.delete(topic));
}

/** Follow a topic until the returned function is called. */
export function follow(topic) {
  topics.set(topic, (topics.get(topic) ?? 0) + 1);
  if (socket?.readyState === WebSocket.OPEN) {
    subscribe(topic);
  } else if (source && !subscribed.has(topic)) {
    restartEvents();
  }
  return () => {
    const left = topics.get(topic) - 1;
    if (left > 0) { topics.set(topic, left); return; }
    topics.delete(topic);
    subscribed.delete(topic);
    tell({ type: 'unsubscribe', topics: [topic] });
  };
}

let restart = 0;
function restartEvents() { // an event stream's topics are fixed: open another, from the cursor on
  clearTimeout(restart);
  restart = setTimeout(() => { source?.abort(); source = null; clear(); connectEvents(); }, 50);
}

addEventListener('pagehide', () => { if (keeping) keepCursor(); });

export function start() {
  stopped = false;
  cursor = remembered();
  topics.set('account', 1);
  topics.set('user', 1);
  addEventListener('online', hurry);
  addEventListener('offline', lost);
  document.addEventListener('visibilitychange', () => { if (document.hidden) flush(); else hurry(); });
  connect();
}

/** Go on after another sign-in. */
export function resume() {
  stopped = false;
  tries = 0;
  connect();
}

export function stop() {
  stopped = true;
  clear();
  socket?.close();
  source?.abort();
  socket = null;
}
