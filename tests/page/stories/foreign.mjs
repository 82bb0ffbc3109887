// A page of another origin tries what a page can: it reads nothing, makes nothing, says nothing.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { base, browser, call, done, hears, person, say } from "../people.mjs";
import { enveloped, inhabit } from "../inhabitants.mjs";

const elsewhere = createServer((_, response) => {
  response.setHeader("content-type", "text/html");
  response.end("<!doctype html><title>Elsewhere</title><body>");
});
await new Promise((listens) => elsewhere.listen(0, "127.0.0.1", listens));

const ann = await person("Ann", "lobby");
await say(ann, "a secret");
// The stranger has even come by somebody's session.
const session = await inhabit("lobby", "Cat");
const html = await (await fetch(`${base}/r/lobby`)).text();
const files = [...html.matchAll(/"(\/page\/[^"]*)"/g)].map(([, path]) => path);
assert.equal(3, files.length);
files.push(files.find((path) => path.endsWith("main.js")).replace("main.js", "hub/hub.js"));

const message = { message: "said by a stranger", nonce: "stranger" };
const asked = {
  ListChatRooms: {},
  ListMessages: { room_id: "lobby" },
  ListMembers: { room_id: "lobby" },
  CreateChatRoom: { room_id: "strange", title: "made by a stranger" },
  SendMessage: { session, message },
  RemoveMember: { room_id: "lobby", name: "Ann" },
  DeleteChatRoom: { room_id: "lobby" },
};
const join = [...enveloped({ room_id: "lobby", name: "Stranger", history: 100 })];

/** All that this server would tell somebody who may ask; what grows by itself left out. */
async function told() {
  const { chat_rooms } = await call("ListChatRooms", {});
  const { messages } = await call("ListMessages", { room_id: "lobby" });
  const { members } = await call("ListMembers", { room_id: "lobby" });
  return { rooms: chat_rooms.map(({ room_id }) => room_id), messages, members };
}

/** Run in the page: each attempt that let something be read, or was not refused. */
async function attempt({ base, asked, join, files }) {
  const through = [];
  const reads = async (what, url, options) => {
    const response = await fetch(url, options).catch(() => null);
    if (response && response.type !== "opaque") through.push(`${what}: ${response.status}`);
  };
  const posts = [];
  for (const [method, request] of Object.entries(asked)) posts.push([method, JSON.stringify(request)]);
  posts.push(["Subscribe", new Uint8Array(join)]);
  for (const [method, body] of posts) {
    const url = `${base}/rpc.ChatService/${method}`;
    for (const type of ["application/json", "application/connect+json", "application/grpc-web", "text/plain"]) {
      for (const mode of ["cors", "no-cors"]) {
        const signal = AbortSignal.timeout(2000); // a stream that is let in does not end
        await reads(`POST ${method} ${type} ${mode}`, url, { method: "POST", mode, headers: { "content-type": type }, body, signal });
      }
      navigator.sendBeacon(url, new Blob([body], { type }));
    }
    const asking = `${url}?connect=v1&encoding=json&message=${encodeURIComponent(body)}`;
    await reads(`GET ${method}`, asking);
    await reads(`GET ${method} no-cors`, asking, { mode: "no-cors" });
    // A form's body is NAME=VALUE: with the rest of an object on both sides of the sign it is JSON.
    const form = document.body.appendChild(document.createElement("form"));
    Object.assign(form, { method: "post", action: url, enctype: "text/plain", target: "sink" });
    const field = form.appendChild(document.createElement("input"));
    field.type = "hidden";
    field.name = `${String(body).slice(0, -1)},"nonce":"`;
    field.value = '"}';
    const sink = Object.assign(document.createElement("iframe"), { name: "sink" });
    document.body.append(sink);
    await new Promise((loads) => ((sink.onload = loads), form.submit()));
    sink.remove();
  }
  for (const path of ["/", "/r/lobby", "/qr?room=lobby", "/healthz", ...files]) {
    await reads(`GET ${path}`, base + path);
    await reads(`GET ${path} with credentials`, base + path, { credentials: "include" });
  }
  /** Whether an element loads what it names. */
  const loads = (tag, attributes) =>
    new Promise((ends) => {
      const element = Object.assign(document.createElement(tag), attributes);
      element.onload = () => ends(true);
      element.onerror = () => ends(false);
      document.head.append(element);
    });
  const [icon, style, main, hub] = files.map((path) => base + path);
  const elements = {
    style: loads("link", { rel: "stylesheet", href: style }),
    script: loads("script", { src: main }),
    module: loads("script", { type: "module", src: main }),
    picture: loads("img", { src: icon }),
    code: loads("img", { src: `${base}/qr?room=lobby` }),
    "imported module": import(hub).then(() => true, () => false),
  };
  for (const [what, loaded] of Object.entries(elements)) if (await loaded) through.push(what);
  try {
    new SharedWorker(hub, { type: "module" });
    through.push("worker");
  } catch {
    // as it should be
  }
  return through;
}

const before = await told();
// 127.0.0.1 is the same site as the server's, and another origin all the same.
for (const host of ["127.0.0.1", "localhost"]) {
  const origin = `http://${host}:${elsewhere.address().port}`;
  const stranger = await (await browser.newContext()).newPage();
  await stranger.goto(origin);
  assert.deepEqual([], await stranger.evaluate(attempt, { base, asked, join, files }), origin);

  // In a frame there is nothing of it, and a window of it is out of reach.
  await stranger.evaluate(
    (src) => new Promise((onload) => document.body.append(Object.assign(document.createElement("iframe"), { src, onload }))),
    `${base}/r/lobby`,
  );
  const [frame] = stranger.mainFrame().childFrames();
  assert.match(await frame.evaluate(() => location.href), /^chrome-error:/);
  const opened = stranger.waitForEvent("popup");
  await stranger.evaluate((url) => (self.caught = open(url)), `${base}/r/lobby`);
  const popup = await opened;
  await popup.locator("#name-form").waitFor();
  assert.equal(null, await popup.evaluate(() => opener));
  await stranger.waitForFunction(() => self.caught.closed);
  await popup.close();
}
const after = await told();
assert.deepEqual(before, after);
// The same session would have let somebody speak who is no page.
assert.ok((await call("SendMessage", { session, message })).sequence);
await hears(ann, "said by a stranger");
await done();
