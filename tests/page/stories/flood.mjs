// Scrolled back through a long history, then a flood: what the page keeps is bounded.

import assert from "node:assert/strict";
import { act, done, hears, person } from "../people.mjs";
import { kept, keptByHub, mib, watch } from "../measures.mjs";

const NODES = 5_000;
const HEAP = 8 * 2 ** 20;
const [messages, seconds] = [Number(process.env.MESSAGES), Number(process.env.SECONDS)];

const ann = await person("Ann", "lobby", { viewport: { width: 900, height: 700 } });
await hears(ann, `line ${messages}`);

async function bounded(after) {
  const { nodes, heap } = await kept(ann);
  const hub = await keptByHub();
  console.log(`${after}: ${nodes} nodes, heap of the page ${mib(heap)}, of the worker ${mib(hub)}`);
  assert.ok(nodes < NODES, `${nodes} nodes`);
  assert.ok(heap < HEAP, `${heap} bytes`);
  assert.ok(hub < HEAP, `${hub} bytes in the worker`);
}

await bounded("opened");
let told = await watch(ann);
await ann.evaluate(async () => {
  const scroller = document.querySelector("#scroller");
  const first = () => document.querySelector("#log .text")?.textContent;
  while (first() !== "line 1" || scroller.scrollTop) {
    scroller.scrollTop -= 800;
    await new Promise(requestAnimationFrame);
  }
});
console.log(`${messages} messages scrolled back, ${await told()}`);
await bounded("at the first message");

await ann.click("#to-end");
await hears(ann, `line ${messages}`);
told = await watch(ann);
const said = await act("flood", seconds);
await hears(ann, `flood ${said}`);
console.log(`${said} messages in ${seconds} s, ${await told()}`);
await bounded("after the flood");
const shown = await ann.$$eval("#log .text", (rows) => rows.map((row) => row.textContent));
const from = said - shown.length + 1;
assert.deepEqual(shown.map((_, index) => `flood ${from + index}`), shown, "all of the end, in order");
await done();
