/** The first words of a message, where it is answered; until it is withdrawn. */

import { button, byId, isolated } from "../dom.js";
import { call } from "../wire/call.js";
import { asError } from "../wire/errors.js";

const FIRST = 100; // characters
const log = byId("log");
const bar = byId("replying");
const replying = byId("replying-to");
const field = byId("text");
/** Withdrawn meanwhile: late answers may still have the text. @type {Set<string>} */
const gone = new Set();
let asking = Promise.resolve(); // for one at a time
/** @type {Where} */
let where;
/** @type {Lead} */
let lead;

/** @param {Where} here @param {Lead} leads */
export function beginQuotes(here, leads) {
	where = here;
	lead = leads;
}

/** @param {string} to */
export function quoteOf(to) {
	const quote = button("…", () => lead(Number(to)), "quote tool");
	quote.dataset.to = to;
	quote.ariaLive = "off"; // unlike the log
	if (!fromLog(quote)) asking = asking.then(() => ask(quote));
	return quote;
}

/** Whether it is in the document. @param {HTMLElement} quote */
function fromLog(quote) {
	const row = log.querySelector(`.said[data-sequence="${quote.dataset.to}"]`);
	const [name = "", text = ""] = [".who", ".text"].map((part) => row?.querySelector(part)?.textContent ?? "");
	if (row) fill(quote, name, text, row.matches(".action"));
	return !!row;
}

/** While it is on the screen. @param {HTMLElement} quote */
async function ask(quote) {
	const { to = "" } = quote.dataset;
	if (!quote.isConnected || fromLog(quote)) return;
	const request = { room_id: where.room, before: String(Number(to) + 1), page_size: 1 };
	try {
		/** @type {Page} */
		const { messages: [entry] = [] } = await call("ListMessages", request, where.token);
		if (gone.has(to)) blankQuotes(to);
		else if (entry?.sequence === to) fill(quote, entry.name, entry.message, entry.action);
		else quote.textContent = "a message that is not kept any more";
	} catch (failure) {
		quote.textContent = asError(failure).message;
	}
}

/** @param {HTMLElement} quote */
function fill(quote, name = "", text = "", action = false) {
	const first = Array.from(text).slice(0, FIRST).join("");
	quote.replaceChildren(action ? "* " : "", isolated(name), action ? " " : ": ", isolated(first));
}

export const isGone = (/** @type {string} */ sequence) => gone.has(sequence);

/** A message was withdrawn. @param {string} sequence */
export function blankQuotes(sequence) {
	gone.add(sequence);
	for (const each of document.querySelectorAll(`[data-to="${sequence}"]`)) each.textContent = "(withdrawn)";
	/./.test("x"); // a browser keeps the text of the last match
}

/** What is said next answers this. @param {HTMLElement} row */
export function startReply(row) {
	replying.dataset.to = row.dataset.sequence;
	fromLog(replying);
	bar.hidden = field.readOnly || byId("speak").hidden;
	field.focus();
}

/** What was to be answered, if anything was. */
export function endReply() {
	const to = bar.hidden ? undefined : replying.dataset.to;
	bar.hidden = true;
	replying.replaceChildren();
	return to;
}

byId("replying-end").onclick = () => {
	endReply();
	field.focus();
};
