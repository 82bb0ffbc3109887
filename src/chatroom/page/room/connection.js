/** The state of the connection, in words that are read out. */

import { byId } from "../dom.js";

const WORDS = { connecting: "Connecting…", live: "Connected", polling: "Reading along", over: "Not connected" };

/** @param {State} state */
export function showState({ phase, sentence }) {
	const why = navigator.onLine ? sentence : "this device is offline";
	byId("state").dataset.phase = phase;
	byId("state-text").textContent = phase === "lost" ? `Reconnecting: ${why}` : WORDS[phase];
	byId("state-now").hidden = phase !== "lost";
}
