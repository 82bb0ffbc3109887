/** How elements are found and made: text only ever becomes text. */

/**
 * @template {string} T @param {T} id
 * @returns {T extends keyof Elements ? Elements[T] : HTMLElement}
 */
export const byId = (id) => /** @type {any} */ (document.getElementById(id));

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {string} [className] @param {...(Node | string)} contents
 */
export function make(tag, className = "", ...contents) {
	const element = document.createElement(tag);
	if (className) element.className = className;
	element.append(...contents);
	return element;
}

/** A name, kept from turning the text around it about. @param {string} name */
export const isolated = (name) => make("bdi", "", name);

/** @param {string} label @param {() => void} act @param {string} className */
export function button(label, act, className) {
	const made = make("button", className, label);
	made.onclick = act;
	return made;
}

/** @param {string} href @param {string} className @param {...(Node | string)} contents */
export function link(href, className, ...contents) {
	const made = make("a", className, ...contents);
	made.href = href;
	return made;
}

const FULL = new Intl.DateTimeFormat([], { dateStyle: "full", timeStyle: "long" });

/** A time, with the whole of it on hover. @param {number} when @param {string} text */
export function stamp(when, text) {
	const made = make("time", "", text);
	made.dateTime = new Date(when).toISOString();
	made.title = FULL.format(when);
	return made;
}
