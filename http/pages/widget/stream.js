// The live stream: a WebSocket, or Server-Sent Events where WebSockets are blocked. It comes back by cursor: what happened meanwhile is
// replayed, or the server says `reset`.
import { signal } from './ui.js';
import { api, authorized } from './session.js';

const PING_EVERY = 15_000;
const ANSWER_WITHIN = 5000;
const CONNECT_WITHIN = 8000;
const SLOWEST_RETRY = 20_000;

/** 'off' | 'connecting' | 'live' | 'cut' */
export const state = signal('off');
let onEvent = () => null;
let onGap = () => null;
let cursor = null;
let socket = null;
let events = null;
let tries = 0;
let failed = 0; // WebSockets that never opened, in a row
let pinged = 0;
let timers = [];

function clear() {
  for (const timer of timers) clearTimeout(timer);
  timers = [];
  pinged = 0;
}

function lost() {
  socket?.close();
  events?.abort();
  socket = events = null;
  clear();
  if (state.value === 'off') return;
  state.value = 'cut';
  tries += 1;
  timers.push(setTimeout(connect, Math.min(SLOWEST_RETRY, 500 * 2 ** Math.min(tries, 6)) * (0.5 + Math.random() / 2)));
}

function live() {
  tries = 0;
  state.value = 'live';
}

function deliver(event) {
  if (event.type === 'ready') {
    live();
    if (cursor === null) { cursor = event.data.cursor; onGap(); } // what was fetched before may lack what came in between
  } else if (event.type === 'reset') {
    cursor = event.data.cursor;
    onGap();
  } else {
    cursor = event.id;
    onEvent(event);
  }
}

async function connect() {
  clear();
  if (state.value === 'off') return;
  if (failed >= 2 && failed % 5) { listen(); return; }
  let ticket;
  try {
    ({ ticket } = await api.post('/v1/auth/ticket'));
  } catch { lost(); return; }
  if (state.value === 'off') return;
  const query = new URLSearchParams({ ticket, ...(cursor ? { since: cursor } : {}) });
  const opening = new WebSocket(`${location.origin.replace('http', 'ws')}/v1/ws?${query}`);
  socket = opening;
  let isOpened = false;
  timers.push(setTimeout(() => { if (!isOpened) opening.close(); }, CONNECT_WITHIN));
  opening.onopen = () => {
    isOpened = true;
    failed = 0;
    timers.push(setInterval(check, PING_EVERY));
  };
  opening.onmessage = ({ data }) => {
    if (opening !== socket) return;
    pinged = 0;
    const message = JSON.parse(data);
    if (message.type !== 'ack' && message.type !== 'error') deliver(message);
  };
  opening.onclose = () => {
    if (opening !== socket) return;
    if (!isOpened) failed += 1;
    lost();
  };
}

function check() {
  if (pinged) return;
  pinged = Date.now();
  say({ type: 'ping', ref: 'p' });
  timers.push(setTimeout(() => { if (pinged) lost(); }, ANSWER_WITHIN));
}

async function listen() {
  const control = new AbortController();
  events = control;
  failed += 1;
  let alive = Date.now();
  try {
    const query = cursor ? `?${new URLSearchParams({ since: cursor })}` : '';
    const response = await fetch(`/v1/stream${query}`, { headers: { Authorization: `Bearer ${await authorized()}` }, signal: control.signal });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    timers.push(setInterval(() => { if (Date.now() - alive > 30_000) lost(); }, 3000)); // the server sends a comment every 15 s
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let buffer = '';
    for (let part = await reader.read(); !part.done && events === control; part = await reader.read()) {
      alive = Date.now();
      const blocks = (buffer + part.value).split('\n\n');
      buffer = blocks.pop();
      for (const block of blocks) {
        const data = block.split('\n').filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trimStart()).join('\n');
        if (data) deliver(JSON.parse(data));
      }
    }
  } catch { /* cut: try again below */ }
  if (events === control) lost();
}

/** Say without waiting; lost while the stream is cut, so for hints alone. */
export function say(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

/** The network came back, or the page is looked at again: do not wait for the timer. */
function hurry() {
  if (state.value === 'cut') connect();
  else if (socket?.readyState === WebSocket.OPEN) check();
}

export function start(hearEvent, hearGap) {
  onEvent = hearEvent;
  onGap = hearGap;
  if (state.value !== 'off') return;
  state.value = 'connecting';
  connect();
}

/** End the stream; another start starts over. */
export function stop() {
  state.value = 'off';
  cursor = null;
  tries = 0;
  lost();
}

addEventListener('online', hurry);
document.addEventListener('visibilitychange', () => { if (!document.hidden) hurry(); });
