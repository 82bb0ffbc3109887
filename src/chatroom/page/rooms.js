/** Rooms by their ids and links. */

const ROOM = "/r/";

/** "" in the lobby. */
export const roomHere = () =>
	location.pathname.startsWith(ROOM) ? location.pathname.slice(ROOM.length) : "";

/** @param {string} id */
export const pathTo = (id) => ROOM + encodeURIComponent(id);

/** The id in an id or a link; "" in anything else. @param {string} pasted */
export function idIn(pasted) {
	const id = /([^/]*)\/*$/.exec(pasted.trim().replace(/[#?].*/, ""))?.[1] ?? "";
	return /^[a-z0-9-]{1,64}$/.test(id) ? id : "";
}
