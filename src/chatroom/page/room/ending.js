/** How a visit ended or could not begin, each with ways on. */

import { FULL, button, byId, isolated, link, make } from "../dom.js";
import { pathTo } from "../rooms.js";
import { ofTab } from "../store.js";

const panel = byId("ending");
const PRIMARY = "button primary";
/** @type {Record<string, string>} where the server says what helps */
const TITLES = {
	REMOVED: "You were removed from this room",
	BANNED: "You are banned",
	ROOM_CLOSED_TO_NEWCOMERS: "Closed to newcomers",
	INVITATION_USED: "This invitation is used up",
	INVITATION_UNKNOWN: "This invitation is not valid",
};

/** @param {State} state @param {string} room @param {() => void} join */
export function showEnding({ reason = "", sentence, metadata }, room, join) {
	const next = metadata?.successor;
	const again = (/** @type {string} */ label) => button(label, join, PRIMARY);
	if (reason === "ROOM_CLOSED") {
		const on = next ? [link(pathTo(next), PRIMARY, "Go on in ", isolated(next))] : [];
		tell("This room was closed", "Nothing more can be said here.", ...on);
	} else if (reason === "ROOM_NOT_FOUND") {
		tell("There is no such room", "It may have been closed, or the link is incomplete.");
	} else if (reason === "SESSION_REPLACED") {
		tell("Open elsewhere", "Another window goes on here.", again("Go on here"));
	} else if (reason.startsWith("TOKEN")) {
		tell("This server asks for a token", `${sentence}. A link that carries one lets you in.`);
	} else {
		const uninvited = () => (ofTab.set(`invitation ${room}`, null), location.reload());
		const way = reason.startsWith("INVITATION") ? button("Try without it", uninvited, PRIMARY) : again("Join again");
		const until = metadata?.until ? ` (${FULL.format(Date.parse(metadata.until))})` : "";
		tell(TITLES[reason] ?? "You are not in the room", sentence + until, way);
	}
}

/** @param {string} title @param {string} sentence @param {...HTMLElement} ways */
function tell(title, sentence, ...ways) {
	const heading = make("h2", "", title);
	heading.tabIndex = -1;
	ways.push(link("/", "button", "All rooms"));
	panel.replaceChildren(heading, make("p", "", sentence), make("p", "ways", ...ways));
	heading.focus();
}
