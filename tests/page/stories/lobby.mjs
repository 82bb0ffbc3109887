// The list of rooms: asked for again and again, under somebody who has a place in it.

import assert from "node:assert/strict";
import { call, done, tab } from "../people.mjs";
import { inhabit } from "../inhabitants.mjs";

const lobby = await tab("/");
/** Wait until exactly these are listed; the page, which asks every 5 s, is made to ask now. */
const lists = (...expected) =>
  lobby.waitForFunction(
    (wanted) => {
      document.dispatchEvent(new Event("visibilitychange"));
      const lines = [...document.querySelectorAll("#rooms li")].map((line) => line.textContent);
      return lines.length === wanted.length && lines.every((line, at) => line.startsWith(wanted[at]));
    },
    expected,
    { polling: 100, timeout: 10_000 },
  );
const create = (room_id, title) => call("CreateChatRoom", { room_id, title });
await create("b", "Bees");
await create("d", "Dogs");
await lists("Beesb · 0 members", "Dogsd · 0 members");
await lobby.evaluate(() => {
  const [bees, dogs] = document.querySelectorAll(".room-line");
  globalThis.focused = dogs;
  dogs.focus();
  getSelection().selectAllChildren(bees.querySelector("b"));
});

await create("a", "Ants");
await create("c", "Cats");
await inhabit("d", "Dan");
await lists("Antsa", "Beesb", "Catsc", "Dogsd · 1 member");
await call("DeleteChatRoom", { room_id: "a" });
await lists("Beesb", "Catsc", "Dogsd · 1 member");
const { same, selected } = await lobby.evaluate(() => ({
  same: document.activeElement === globalThis.focused,
  selected: String(getSelection()),
}));
assert.ok(same, "the line that has the focus was replaced");
assert.equal("Bees", selected);

await lobby.fill("#search", "o");
await lists("Dogsd");
await lobby.fill("#search", "");
await lists("Beesb", "Catsc", "Dogsd");
await done();
