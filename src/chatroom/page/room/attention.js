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

/** @type {Notification | undefined} */
let shown;
/** Something was withdrawn. */
export const unnotify = () => (shown = void shown?.close());

/** @param {string} room @param {string} name @param {string} text */
export function notify(room, name, text) {
	if (!document.hidden || permission() !== "granted") return;
	try {
		shown = new Notification(`${name} in ${room}`, { body: text.slice(0, 200), tag: room });
		shown.onclick = () => (focus(), unnotify());
	} catch {
		// phones give them to service workers only
	}
}
