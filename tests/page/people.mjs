// What stories share: a browser, people in it, and what the one who plays the story does for them.

import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

export const [, , address, executablePath] = process.argv;
export const base = address.startsWith("http") ? address : `http://${address}`;
// The worker's script comes over a connection of its own, which no context's options reach.
const unsigned = base.startsWith("https") ? ["--ignore-certificate-errors"] : [];
export const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", ...unsigned] });

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
/** What went wrong in any page: exceptions, and what its policy has kept from it. */
const troubles = [];

/** Have something done outside; its result. */
export async function act(...asked) {
  process.stdout.write(`do ${JSON.stringify(asked)}\n`);
  return JSON.parse((await answers.next()).value);
}

/** A method of the server; one of another service than ChatService by its path. */
export const call = (method, request) => callAt(base, method, request);

/** The same, by another way to it. */
export async function callAt(base, method, request) {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify(request);
  const path = method.startsWith("/") ? method : `/rpc.ChatService/${method}`;
  const response = await fetch(base + path, { method: "POST", headers, body });
  return response.json();
}

/** A page of a browser of its own, or of a tab beside others. */
export async function tab(path, options = {}, context) {
  context ??= await browser.newContext({ ignoreHTTPSErrors: true, ...options });
  const page = await context.newPage();
  page.on("pageerror", (error) => troubles.push(`${error.stack}`));
  page.on("dialog", (dialog) => troubles.push(`a dialog: ${dialog.message()}`));
  page.on("console", (message) => {
    if (/content security policy/i.test(message.text())) troubles.push(message.text());
  });
  await page.goto(base + path);
  return page;
}

/** Somebody who has joined a room in a browser of their own. */
export async function person(name, room, options = {}, context) {
  const page = await tab(`/r/${room}`, options, context);
  await page.fill("#name", name);
  await page.press("#name", "Enter");
  await connected(page);
  return page;
}

export const connected = (page) => page.waitForSelector("#state[data-phase=live]", { timeout: 30_000 });

/** Say something as a person does. */
export async function say(page, text) {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
}

/** What a page shows as said, in order: "Bob: hello". */
export const heard = (page) =>
  page.$$eval("#log .said", (rows) =>
    rows.map((row) => `${row.querySelector(".who").textContent}: ${row.querySelector(".text").textContent}`),
  );

/** Wait until a page shows this as said. */
export const hears = (page, text) => page.locator("#log .text", { hasText: text }).first().waitFor();

/** The end of a story. */
export async function done() {
  assert.deepEqual([], troubles);
  await browser.close();
  process.exit(0);
}
