/** Calls of the npm package against a server; prints what it found. */

import { ApiError, TertuliaClient } from "tertulia-client";

const { URL, TOKEN, CHANNEL } = process.env;
const client = new TertuliaClient(URL, { token: TOKEN });

async function error(call) {
  try {
    await call;
  } catch (found) {
    return found instanceof ApiError ? `${found.status} ${found.code}` : found.name;
  }
}

const conversation = await client.post("/v1/conversations", { body: { channel_id: CHANNEL, contact_identifier: `node-${process.pid}` } });
const path = { id: conversation.id };
const first = await client.post("/v1/conversations/{id}/messages", { params: { path }, body: { content: "hi" } });
const file = await client.upload(new File(["hello"], "a.txt", { type: "text/plain" }));
const bytes = await (await client.download(file.url)).text();
const page = await client.get("/v1/conversations/{id}/messages", { params: { path, query: { limit: 5 } } });
const closed = await client.delete("/v1/conversations/{id}", { params: { path } });
console.log(JSON.stringify({
  contents: page.items.map((message) => message.content),
  hasKey: Boolean(first.client_message_id),
  file: [file.name, file.content_type, bytes],
  closed: closed === undefined,
  missing: await error(client.get("/v1/conversations/{id}", { params: { path: { id: "01a22984-5fca-7550-857b-87fc876f799e" } } })),
  invalid: await error(client.post("/v1/conversations/{id}/messages", { params: { path }, body: { content: "" } })),
  noId: await error(client.get("/v1/conversations/{id}", { params: { path: { id: ".." } } })),
  token: await error(new TertuliaClient(URL, { token: "x" }).get("/v1/account")),
}));
