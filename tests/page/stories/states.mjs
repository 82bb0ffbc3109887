// Every state of the page, light and dark: what axe-core finds in it, and a picture of it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { act, browser, call, connected, done, hears, person, say, tab } from "../people.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const folder = process.env.PICTURES;
const found = [];

async function look(page, name) {
  await page.mouse.move(0, 0); // nothing is pointed at
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: `${folder}/${name}-${colorScheme}.png` });
    // The page's policy lets no script in but its own; Playwright's evaluate is outside of it.
    const { violations } = await page.evaluate(`(() => { ${axe}; return axe.run(); })()`);
    for (const { id, nodes } of violations) {
      found.push(`${name} ${colorScheme}: ${id} at ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`);
    }
  }
}

const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" });
const name = await tab("/r/tea", {}, context);
await look(name, "name");
await name.close();
const ann = await person("Ann", "tea", {}, context);
const phone = await person("Björn", "tea", { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true });
await say(ann, "Tea at four? The kettle is on: https://example.com/tea_(green)");
await say(phone, "@Ann yes! `earl grey`, please");
await say(phone, "שלום, أهلا and welcome");
for (const text of ["One lump or two?", "Two.", "And a biscuit.", "Of course."]) await say(text.length > 8 ? ann : phone, text);
await hears(ann, "Of course.");
await hears(phone, "Of course.");
await phone.fill("#text", "So");
await ann.locator("#typing", { hasText: "is typing" }).waitFor();
await look(ann, "room");
await look(phone, "phone");
await ann.click("#share");
await ann.waitForFunction(() => document.querySelector("#share-code").complete);
await look(ann, "share");
await ann.keyboard.press("Escape");
await ann.click("#wire");
await say(ann, "Watch this");
await ann.locator("#drawer-lines tr", { hasText: "Watch this" }).first().waitFor();
await look(ann, "drawer");
await ann.click("#wire");
for (const title of ["Release 1.0", "Deutsche Ecke", "קפה"]) await call("CreateChatRoom", { title });
const lobby = await tab("/", {}, context);
await lobby.locator(".room-line", { hasText: "Release 1.0" }).waitFor();
await look(lobby, "lobby");
await lobby.click("#create-open");
await look(lobby, "create");
await act("kill");
await ann.waitForSelector("#state[data-phase=lost]");
await say(ann, "Can you hear me?");
await look(ann, "disconnected");
await act("restart");
await connected(ann);
await hears(phone, "Can you hear me?");
await call("DeleteChatRoom", { room_id: "tea", successor: "lobby" });
await ann.locator("#ending h2").waitFor();
await look(ann, "closed");
assert.deepEqual([], found);
await done();
