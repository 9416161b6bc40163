// Drives the real socket.io-client for tests. Reads one JSON object a line: {do, socket, …}; writes what happens, one per line.
// connect {url, namespace, auth, options, version}; emit {event, data, ack}; close.
"use strict";
const readline = require("node:readline");
const sockets = new Map();
const tell = (socket, what) => process.stdout.write(JSON.stringify({ socket, ...what }) + "\n");

function connect({ socket, url, namespace, auth, options, version }) {
  const io = require(version === 2 ? "socket.io-client-2" : "socket.io-client");
  const made = io(url + namespace, { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200, auth, ...options });
  sockets.set(socket, made);
  made.on("connect", () => tell(socket, { event: "connect", transport: made.io.engine.transport.name }));
  made.on("disconnect", (reason) => tell(socket, { event: "disconnect", data: reason }));
  made.on("connect_error", (error) => tell(socket, { event: "connect_error", data: error.message, more: error.data }));
  if (version === 2) made.on("error", (error) => tell(socket, { event: "error", data: error }));
  else made.onAny((event, data, id) => tell(socket, { event, data, id }));
}

function emit({ socket, event, data, ack }) {
  const made = sockets.get(socket);
  if (ack === undefined) made.emit(event, data);
  else made.timeout(10000).emit(event, data, (error, answer) => tell(socket, { event: "ack", ack, data: error ? String(error) : answer }));
}

const actions = {
  connect,
  emit,
  close: ({ socket }) => sockets.get(socket).close(),
  cut: ({ socket }) => sockets.get(socket).io.engine.close(),
};
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const said = JSON.parse(line);
  actions[said.do](said);
}).on("close", () => process.exit(0));
