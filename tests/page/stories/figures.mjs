// What a visit costs: bytes, and when something is seen. Each visit in a browser that knows nothing.

import assert from "node:assert/strict";
import { browser, connected, done, hears, person, say, tab } from "../people.mjs";
import { ms } from "../measures.mjs";

const ROUNDS = Number(process.env.ROUNDS);
const host = await person("Host", "lobby");
await say(host, "welcome");
await hears(host, "welcome");

/** Before the page's own script: who one is, and when a message is first there. */
function begin(name) {
  localStorage.setItem("rooms", JSON.stringify([{ id: "lobby", name }]));
  globalThis.seen = { message: 0, largest: 0, shift: 0, blocked: 0 };
  const note = (type, take) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
  note("largest-contentful-paint", ({ startTime }) => (seen.largest = startTime));
  note("layout-shift", ({ value }) => (seen.shift += value));
  note("longtask", ({ duration }) => (seen.blocked += duration - 50));
  const found = new MutationObserver(() => {
    if (document.querySelector("#log .text")) requestAnimationFrame(() => (seen.message ||= performance.now()));
  });
  found.observe(document, { childList: true, subtree: true });
}

const look = (page) =>
  page.evaluate(() => {
    const loaded = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    const files = loaded.filter(({ name }) => !name.includes("/rpc."));
    const sum = (field) => files.reduce((total, entry) => total + entry[field], 0);
    const [paint] = performance.getEntriesByName("first-contentful-paint");
    const sizes = { files: files.length, plain: sum("decodedBodySize"), compressed: sum("encodedBodySize") };
    return { ...seen, ...sizes, sent: sum("transferSize"), paint: paint.startTime };
  });

const visits = { lobby: [], room: [], again: [] };
for (let round = 0; round < ROUNDS; round++) {
  const context = await browser.newContext();
  await context.addInitScript(begin, `Visitor ${round}`);
  const lobby = await tab("/", {}, context);
  await lobby.locator(".room-line").first().waitFor();
  visits.lobby.push(await look(lobby));
  await context.close();
  const other = await browser.newContext();
  await other.addInitScript(begin, `Guest ${round}`);
  const room = await tab("/r/lobby", {}, other);
  for (const kind of ["room", "again"]) {
    if (kind === "again") await room.reload();
    await connected(room);
    await hears(room, "welcome");
    await room.waitForFunction(() => seen.message > 0);
    visits[kind].push(await look(room));
  }
  await other.close();
}
const median = (found, field) => found.map((each) => each[field]).sort((one, two) => one - two)[found.length >> 1];
for (const [kind, found] of Object.entries(visits)) {
  const of = (field) => median(found, field);
  const message = of("message") ? ` first message ${ms(of("message"))},` : "";
  console.log(
    `${kind}: ${of("files")} files, ${of("plain")} bytes, ${of("compressed")} compressed, ${of("sent")} sent;` +
      ` first paint ${ms(of("paint"))}, largest ${ms(of("largest"))},${message}` +
      ` blocked ${ms(of("blocked"))}, shifted by ${of("shift").toFixed(3)}`,
  );
  assert.ok(of("plain") <= 80_000);
  assert.ok(of("shift") <= 0.1, "what is read does not move (web.dev, Cumulative Layout Shift: good)");
}
// A page that is loaded again asks for its document alone, and is told that it has it.
assert.ok(median(visits.again, "sent") < 1000);
await done();
