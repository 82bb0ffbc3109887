// Names and titles that want to be more than text, and texts that want more than their place.

import assert from "node:assert/strict";
import { base, browser, call, done, heard, hears, person, tab } from "../people.mjs";

const MARKS = "\u0301\u0316\u0302\u0317";
const NAMES = [
  "<img src=x onerror=alert(1)>",
  "<script>alert(1)</script>",
  "javascript:alert(1)",
  "W".repeat(32),
  "\uFDFA".repeat(1) + "אבגדהו",
  `a${MARKS}b${MARKS}c${MARKS}`,
  "😀".repeat(32),
  "__proto__",
];
const TITLES = [
  "<img src=x onerror=alert(1)>",
  `t${"\u0301\u0316".repeat(60)}`,
  "W".repeat(128),
  "אבג & <b>",
];
const TEXTS = [
  "before",
  "👨‍👩‍👧‍👦".repeat(160),
  "😀".repeat(1024),
  `a${"\u0301".repeat(100)}${"\u0316".repeat(100)}b`,
  "w".repeat(4096),
  `\`a${"\u0301".repeat(200)}b\``,
  `@Ann ${"\u202E".repeat(100)}`,
  "﷽".repeat(400),
  "after",
];

/** Somebody in a room without a page; what lets them speak. */
async function inhabit(room_id, name) {
  const json = new TextEncoder().encode(JSON.stringify({ room_id, name, features: ["FEATURE_EVENTS"], history: 0 }));
  const body = new Uint8Array(5 + json.length);
  new DataView(body.buffer).setUint32(1, json.length);
  body.set(json, 5);
  const headers = { "content-type": "application/connect+json" };
  const response = await fetch(`${base}/rpc.ChatService/Subscribe`, { method: "POST", headers, body });
  const reader = response.body.getReader();
  let told = "";
  while (!told.includes('"session"')) told += new TextDecoder().decode((await reader.read()).value);
  return /"session": ?"([^"]+)"/.exec(told)[1];
}

const ids = [];
for (const title of TITLES) ids.push((await call("CreateChatRoom", { title })).room_id);
const [, room] = ids;
const ann = await person("Ann", room, { viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" });
const sessions = [];
for (const name of NAMES) sessions.push(await inhabit(room, name));
for (const [index, session] of sessions.entries()) {
  const text = TEXTS[index];
  const { sequence } = await call("SendMessage", { session, message: { message: text, nonce: `${index}` } });
  assert.ok(sequence, `${NAMES[index]}: ${text.slice(0, 20)}`);
}
await call("SendMessage", { session: sessions[0], message: { message: TEXTS.at(-1), nonce: "last" } });
await call("SendMessage", { session: sessions[5], typing: { active: true } });
await hears(ann, "after");
await ann.locator("#typing", { hasText: "is typing" }).waitFor();
for (const width of [1280, 320]) {
  await ann.setViewportSize({ width, height: 800 });
  await ann.screenshot({ path: `${process.env.PICTURES}/names-${width}-end.png` });
  for (let i = 0; i < 4; i++) {
  await ann.evaluate((i) => { document.querySelectorAll("#log .row")[i*2].scrollIntoView(); }, i);
  await ann.screenshot({ path: `${process.env.PICTURES}/names-${width}-${i}.png` });
  }
}
const lobby = await tab("/", { viewport: { width: 390, height: 800 } });
await lobby.locator(".room-line").first().waitFor();
await lobby.screenshot({ path: `${process.env.PICTURES}/names-lobby.png` });
await done();
