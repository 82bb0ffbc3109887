/** How a visit ended or could not begin, each with ways on. */

import { button, byId, isolated, link, make } from "../dom.js";
import { pathTo } from "../rooms.js";

const panel = byId("ending");
const PRIMARY = "button primary";

/** @param {State} state @param {() => void} join */
export function showEnding({ reason = "", sentence, metadata }, join) {
	const next = metadata?.successor;
	const again = (/** @type {string} */ label) => button(label, join, PRIMARY);
	if (reason === "ROOM_CLOSED") {
		const on = next ? [link(pathTo(next), PRIMARY, "Go on in ", isolated(next))] : [];
		tell("This room was closed", "Nothing more can be said here.", ...on);
	} else if (reason === "REMOVED") tell("You were removed from this room", sentence, again("Join again"));
	else if (reason === "ROOM_NOT_FOUND") {
		tell("There is no such room", "It may have been closed, or the link is incomplete.");
	} else if (reason === "SESSION_REPLACED") {
		tell("Open elsewhere", "Another window goes on here.", again("Go on here"));
	} else if (reason.startsWith("TOKEN")) {
		tell("This server asks for a token", `${sentence}. A link that carries one lets you in.`);
	} else tell("You are not in the room", sentence, again("Join again"));
}

/** @param {string} title @param {string} sentence @param {...HTMLElement} ways */
function tell(title, sentence, ...ways) {
	const heading = make("h2", "", title);
	heading.tabIndex = -1;
	ways.push(link("/", "button", "All rooms"));
	panel.replaceChildren(heading, make("p", "", sentence), make("p", "ways", ...ways));
	heading.focus();
}
