/** What can be done about a message: buttons, led by pointer and keyboard. */

import { button, byId, make } from "../dom.js";

const SAID = ".said:not(.withdrawn)";
const DESCRIBED = "described";
const log = byId("log");
const handle = make("span", "handle"); // one for all messages
handle.ariaLive = "off"; // unlike the log

/** One more button. @param {string} sign @param {string} label @param {(row: HTMLElement) => void} act */
export function offerAt(sign, label, act) {
	const made = button(sign, () => act(/** @type {HTMLElement} */ (handle.parentElement)), "tool");
	made.ariaLabel = made.title = label;
	made.setAttribute("aria-describedby", DESCRIBED);
	handle.append(made);
	return made;
}

/** @param {Element | null} [row] */
function place(row) {
	if (!row || row === handle.parentElement) return;
	document.getElementById(DESCRIBED)?.removeAttribute("id");
	row.append(handle);
	const text = row.querySelector(".text");
	if (text) text.id = DESCRIBED;
}

log.addEventListener("pointerover", ({ target }) => place(/** @type {Element} */ (target).closest(SAID)));
log.addEventListener("keydown", (event) => {
	const target = /** @type {HTMLElement} */ (event.target);
	const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
	const inside = handle.contains(target);
	if (inside ? !step : event.key !== "Enter" || !(target === log || target.matches(SAID))) return;
	event.preventDefault();
	const rows = [...log.querySelectorAll(SAID)];
	const end = byId("scroller").getBoundingClientRect().bottom;
	const lowest = rows.findLast((row) => row.getBoundingClientRect().top < end);
	const row = target.closest(SAID) ?? lowest;
	place(step && row ? rows[rows.indexOf(row) + step] : row);
	(inside ? target : handle.querySelector("button"))?.focus();
});
