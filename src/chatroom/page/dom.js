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
export const button = (label, act, className) =>
	Object.assign(make("button", className, label), { onclick: act });

/** @param {string} href @param {string} className @param {...(Node | string)} contents */
export const link = (href, className, ...contents) =>
	Object.assign(make("a", className, ...contents), { href });

export const FULL = new Intl.DateTimeFormat([], { dateStyle: "full", timeStyle: "long" });

/** A time, with the whole of it on hover. @param {number} when @param {Intl.DateTimeFormat} format */
export const stamp = (when, format) =>
	Object.assign(make("time", "", format.format(when)), {
		dateTime: new Date(when).toISOString(),
		title: FULL.format(when),
	});
