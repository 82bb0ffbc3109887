/** How a visit ended or could not begin, each with ways on. */

import { button, byId, isolated, link, make } from "../dom.js";
import { pathTo } from "../rooms.js";
import { dropInvitation } from "../store.js";

const panel = byId("ending");
const PRIMARY = "button primary";
const UNTIL = new Intl.DateTimeFormat([], { dateStyle: "long", timeStyle: "short" });

/** @param {State} state @param {string} room @param {() => void} join */
export function showEnding({ reason = "", sentence, metadata }, room, join) {
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
	} else if (reason.startsWith("INVITATION")) {
		const used = reason === "INVITATION_USED";
		const why = used ? "As many people have come by it as may." : "It has ended, was taken back, or its link is incomplete.";
		const without = () => (dropInvitation(room), location.reload());
		const title = used ? "This invitation is used up" : "This invitation is not valid";
		tell(title, `${why} Ask for another.`, button("Try without it", without, PRIMARY));
	} else if (reason === "ROOM_CLOSED_TO_NEWCOMERS") {
		tell("This room is closed to newcomers", "Ask somebody in it for an invitation: its link lets you in.", again("Try again"));
	} else if (reason === "BANNED") {
		const { until } = metadata ?? {};
		const then = until ? `You can come back on ${UNTIL.format(Date.parse(until))}.` : "There is no end to it.";
		const why = /^you are banned.*?(?:UTC)?: (.+)/s.exec(sentence)?.[1];
		tell("You are banned", `${why ? `The reason given: ${why}. ` : ""}${then}`, ...(until ? [again("Try again")] : []));
	} else if (reason === "GRANT_MISSING") {
		tell("You may not come into this room", "Ask for an invitation: its link lets you in.", again("Try again"));
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
