/** What calls for attention while nobody looks: title, favicon, notifications. */

import { byId, make } from "../dom.js";

const icon = /** @type {HTMLLinkElement} */ (document.querySelector("link[rel=icon]"));
const plain = icon.href;
const canvas = make("canvas");
canvas.width = canvas.height = 64;

/** How much is unread. @param {string} title @param {number} unread */
export function count(title, unread) {
	const said = unread ? `(${unread}) ${title}` : title;
	if (document.title === said) return;
	document.title = said;
	icon.href = unread ? drawn(String(Math.min(unread, 99))) : plain;
}

/** @param {string} label */
function drawn(label) {
	const context = canvas.getContext("2d");
	if (!context) return plain;
	context.fillStyle = "#b42318";
	context.fillRect(0, 0, 64, 64);
	context.fillStyle = "white";
	context.font = "bold 44px sans-serif";
	context.textAlign = "center";
	context.fillText(label, 32, 48, 56);
	return canvas.toDataURL();
}

/** "granted", "default", "denied"; or what keeps this page from asking. */
function permission() {
	if (!isSecureContext) return "for https pages only";
	return self.Notification?.permission ?? "not in this browser";
}

/** The button that asks for them: never on load. */
export function bell() {
	const toggle = byId("bell");
	const now = permission();
	toggle.ariaPressed = String(now === "granted");
	toggle.disabled = now !== "default";
	toggle.title = `Notifications of mentions: ${now}`;
	toggle.onclick = () => Notification.requestPermission().then(bell);
}

/** @type {{sequence: string | undefined, shown: Notification} | null} the latest */
let latest = null;

/** @param {string} room @param {Message} entry */
export function notify(room, { name, message = "", sequence }) {
	if (!document.hidden || permission() !== "granted") return;
	try {
		const shown = new Notification(`${name} in ${room}`, { body: message.slice(0, 200), tag: room });
		latest = { sequence, shown };
		shown.onclick = () => (focus(), shown.close());
	} catch {
		// phones give them to service workers only
	}
}

/** Its text is gone. @param {string} sequence */
export function unnotify(sequence) {
	if (latest?.sequence !== sequence) return;
	latest.shown.close();
	latest = null;
}
