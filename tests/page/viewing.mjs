// Opens a picture of chatwire's in a browser and uses it: `node viewing.mjs FILE CHROMIUM`.
// Prints as JSON what it saw: requests, errors, dialogs, what is shown.

import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [file, executablePath] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const saw = { requests: [], trouble: [] };
for (const colorScheme of ["light", "dark"]) {
  const page = await browser.newPage({ viewport: { width: 390, height: 844 }, colorScheme });
  page.on("request", (request) => saw.requests.push(request.url()));
  page.on("dialog", (dialog) => {
    saw.trouble.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("pageerror", (error) => saw.trouble.push(String(error)));
  page.on("console", (message) => saw.trouble.push(message.text()));
  await page.goto(pathToFileURL(file).href);
  await page.locator(".row").first().waitFor();
  saw[colorScheme] = {
    all: await page.textContent("#about"),
    title: await page.textContent("#title"),
    wide: await page.evaluate(() => document.documentElement.scrollWidth),
    background: await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
  };
  await page.fill("#search", "onerror");
  await page.locator(".row").first().click();
  saw.found = await page.textContent("#about");
  saw.frame = await page.textContent("#more");
  await page.fill("#search", "");
  await page.selectOption("#sender", "1");
  saw.server = await page.textContent("#about");
  await page.selectOption("#sender", "");
  await page.selectOption("#stream", { index: 2 });
  saw.stream = await page.textContent("#about");
  await page.selectOption("#stream", { index: 0 });
  await page.click("summary");
  await page.locator("#kinds label", { hasText: "HEADERS" }).locator("input").uncheck();
  saw.kinds = await page.textContent("#about");
  await page.focus("#list");
  await page.keyboard.press("ArrowDown");
  saw.chosen = await page.textContent("#what");
  saw.elements = await page.evaluate(() => [...new Set([...document.querySelectorAll("main *")].map((one) => one.localName))]);
}
console.log(JSON.stringify(saw));
await browser.close();
