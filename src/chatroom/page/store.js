/** What is kept: names, drafts, last rooms; in this tab alone tokens and, over a reload, a session. */

const ROOMS = 12;

/** @param {"localStorage" | "sessionStorage"} where */
const kept = (where) => ({
	/** @param {string} key @returns {any} */
	get(key) {
		try {
			return JSON.parse(self[where].getItem(key) ?? "null");
		} catch {
			return null;
		}
	},
	/** @param {string} key @param {unknown} value  anything empty is removed */
	set(key, value) {
		try {
			if (value) self[where].setItem(key, JSON.stringify(value));
			else self[where].removeItem(key);
		} catch {
			// switched off, or full
		}
	},
});
const local = kept("localStorage");
export const ofTab = kept("sessionStorage");

/** The rooms visited last, newest first. @returns {LastRoom[]} */
export const lastRooms = () => local.get("rooms") ?? [];

/** @param {string} id @param {string} name */
export function rememberRoom(id, name) {
	const others = lastRooms().filter((room) => room.id !== id);
	local.set("rooms", [{ id, name }, ...others].slice(0, ROOMS));
}

/** @param {string} room @returns {string} */
export const draftOf = (room) => local.get(`draft ${room}`) ?? "";

/** @param {string} room @param {string} text */
export const keepDraft = (room, text) => local.set(`draft ${room}`, text);

/** The token in the fragment, which is taken out of the address. @param {string} room @returns {string} */
export function takeToken(room) {
	const given = new URLSearchParams(location.hash.slice(1)).get("token");
	if (given !== null) {
		const invites = given.startsWith("inv_"); // to this room alone
		ofTab.set(`invitation ${room}`, invites && given);
		if (!invites) ofTab.set("token", given);
		history.replaceState(null, "", location.pathname);
	}
	return given ?? ofTab.get(`invitation ${room}`) ?? ofTab.get("token") ?? "";
}

/** @param {string} room @param {Visit | null} visit */
export const keepVisit = (room, visit) => ofTab.set(`visit ${room}`, visit);

/** A copy of the tab finds nothing. @param {string} room @returns {Visit | null} */
export function takeVisit(room) {
	const found = ofTab.get(`visit ${room}`);
	keepVisit(room, null);
	return found;
}
