// The view library in one place: every component imports from here.
import { h, render, Fragment } from '/static/vendor/preact/preact.js';
import htm from '/static/vendor/htm/htm.js';

export { render, Fragment };
export { signal, computed, effect, batch, untracked } from '/static/vendor/preact/signals.js';
export { useEffect, useLayoutEffect, useRef, useState, useMemo, useCallback } from '/static/vendor/preact/hooks.js';
export const html = htm.bind(h);

/** A paper clip: not every machine has a font with emoji. */
export const Clip = () => html`<svg class="clip" viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.5"><path d="M13 7.5 8 12.6a3 3 0 0 1-4.3-4.3l5.4-5.4a2 2 0 0 1 2.9 2.9l-5.3 5.3a1 1 0 0 1-1.5-1.5l4.7-4.7" /></svg>`;
