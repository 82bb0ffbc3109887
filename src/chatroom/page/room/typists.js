/** Who types, in a line. */

import { byId, isolated } from "../dom.js";

/** After so many ms without another notice somebody has stopped. */
const PATIENCE = 8_000;
/** @type {Map<string, number>} */
const typing = new Map();

/** @param {string} name @param {boolean} active */
export function noteTyping(name, active) {
	clearTimeout(typing.get(name));
	typing.delete(name);
	if (active) typing.set(name, setTimeout(() => noteTyping(name, false), PATIENCE));
	const [first, second, third] = typing.keys();
	const line = byId("typing");
	if (third) line.textContent = `${typing.size} people are typing`;
	else if (first && second) line.replaceChildren(isolated(first), " and ", isolated(second), " are typing");
	else if (first) line.replaceChildren(isolated(first), " is typing");
	else line.textContent = "";
}

/** The stream that would tell is gone. */
export const forgetTyping = () => [...typing.keys()].forEach((name) => noteTyping(name, false));
