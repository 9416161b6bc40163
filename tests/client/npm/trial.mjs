/** Follows the account over one transport with tokens that live three seconds, until COUNT messages of CONVERSATION were seen. */

import { createHmac } from "node:crypto";
import { TertuliaClient } from "tertulia-client";

const { URL, SECRET, ACCOUNT, CONVERSATION, COUNT, OVER } = process.env;
const { EventSource } = OVER === "eventsource" ? await import("eventsource") : {};
const { WebSocket } = OVER === "websocket" ? await import("ws") : {};

function part(value) {
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
}

let tokens = 0;
function token() {
  tokens++;
  const now = Date.now() / 1000;
  const claims = { iss: "tertulia", aud: "tertulia", sub: "node", iat: Math.floor(now), exp: now + 3, accounts: { [ACCOUNT]: "lead" } };
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
}

const client = new TertuliaClient(URL, { token });
const stream = client.events({ topics: ["account"], over: OVER, EventSource, WebSocket });
await stream.ready;
console.log("ready");
const seen = [];
for await (const event of stream) {
  if (event.type !== "conversation:message" || event.conversation_id !== CONVERSATION) continue;
  seen.push(event.data.content);
  if (seen.length === 1 && OVER === "websocket") {
    await stream.send("message:send", { conversation_id: CONVERSATION, content: "from the socket", is_private: true });
  }
  if (event.data.content === String(COUNT - 1)) break;
}
console.log(JSON.stringify({ seen, connections: stream.connections, tokens }));
