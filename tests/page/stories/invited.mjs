// A private room of a server with keys: an invitation's link leads in; who is invited keeps no order.

import assert from "node:assert/strict";
import { base, browser, connected, done, hears, person, say, tab } from "../people.mjs";

const { ROOM, INVITATION, NAMED, MODERATOR, LISTENER } = process.env;
const guest = await tab(`/r/${ROOM}#token=${INVITATION}`);
assert.equal(`${base}/r/${ROOM}`, guest.url());
await guest.fill("#name", "Bob");
await guest.press("#name", "Enter");
await connected(guest);
await say(guest, "thank you");
await hears(guest, "thank you");

// The one who keeps order has a token, and what the guest cannot do.
const mo = await tab(`/r/${ROOM}#token=${MODERATOR}`);
await mo.fill("#name", "Mo");
await mo.press("#name", "Enter");
await connected(mo);
await hears(mo, "thank you");

// The guest tries once, is told so, and is offered it no more: neither later nor after a reload.
await guest.hover("#log .said");
await guest.click('#log [aria-label="Menu of this message"]');
await guest.click('dialog[open] >> text="Withdraw"');
await guest.locator("dialog[open] .trouble", { hasText: "your invitation is for one room" }).waitFor();
assert.equal(0, await guest.locator("dialog[open] >> text=Withdraw >> visible=true").locator("xpath=self::button").count());
await guest.keyboard.press("Escape");
const nothing = async () => {
  await guest.hover("#log .said");
  assert.equal(0, await guest.locator('[aria-label="Menu of this message"]').count());
  assert.equal(0, await guest.locator('#members li [aria-label^="Menu"]').count());
  assert.equal(false, await guest.isVisible("#orders"));
};
await nothing();
await guest.reload();
await connected(guest);
await hears(guest, "thank you");
await guest.waitForTimeout(500); // nothing is to happen
await nothing();
await mo.hover("#log .said");
await mo.click('#log [aria-label="Menu of this message"]');
await mo.click('dialog[open] >> text="Withdraw"');
await guest.locator("#log .withdrawn").waitFor();

// An invitation that fixes a name offers it.
const named = await tab(`/r/${ROOM}#token=${NAMED}`);
await named.fill("#name", "Somebody");
await named.press("#name", "Enter");
await named.locator("#name-why", { hasText: "is for this name" }).waitFor();
assert.equal("Grace", await named.inputValue("#name"));
await named.press("#name", "Enter");
await connected(named);
await say(named, "/nick Hopper");
await named.locator("#trouble", { hasText: "You are still Grace: by your invitation your name tag is" }).waitFor();

// Who may not read what was said before sees what comes, and is offered no search.
const listener = await tab(`/r/${ROOM}#token=${LISTENER}`);
await listener.fill("#name", "Lia");
await listener.press("#name", "Enter");
await connected(listener);
await listener.locator("#trouble", { hasText: "needs the grant 'history'" }).waitFor();
await say(named, "for whoever is here");
await hears(listener, "for whoever is here");
await say(named, "and again");
await hears(listener, "and again");
assert.equal(2, await listener.locator("#log .said").count());
assert.ok(await named.isVisible("#search-open"));
assert.equal(false, await listener.isVisible("#search-open"));

const wrong = await tab(`/r/${ROOM}#token=inv_AAAAAAAAAAAAAAAAAAAAAA`);
await wrong.fill("#name", "Mallory");
await wrong.press("#name", "Enter");
await wrong.locator("#ending h2", { hasText: "This invitation is not valid" }).waitFor();
await done();
