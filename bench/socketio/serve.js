// A Socket.IO server with one room: POST /fanout {count, size} emits `conversation:message` to all of it, `size` bytes a frame.
// Prints `ready`, and ends on SIGTERM.
const http = require('node:http');
const { Server } = require('socket.io');

const EVENT = 'conversation:message';
const OVERHEAD = `42/agents,["${EVENT}",{"content":""}]`.length;

const server = http.createServer(async (request, response) => {
  if (request.url !== '/fanout') return;
  let body = '';
  for await (const chunk of request) body += chunk;
  const { count, size } = JSON.parse(body);
  for (let n = 0; n < count; n += 1) agents.to('account').emit(EVENT, { content: 'x'.repeat(size - OVERHEAD) });
  response.end();
});
const agents = new Server(server, { transports: ['websocket'] }).of('/agents');
agents.on('connection', (socket) => {
  socket.join('account');
  socket.on('conversation:join', (room, done) => done(room));
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('ready'));
process.on('SIGTERM', () => process.exit(0));
