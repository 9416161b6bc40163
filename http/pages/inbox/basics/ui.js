// The view library in one place: every component imports from here.
import { createContext, h, render, Fragment } from '/static/vendor/preact/preact.js';
import htm from '/static/vendor/htm/htm.js';

export { createContext, render, Fragment };
export { signal, computed, effect, batch, untracked } from '/static/vendor/preact/signals.js';
export { useEffect, useLayoutEffect, useRef, useState, useMemo, useCallback, useContext, useId } from '/static/vendor/preact/hooks.js';
export const html = htm.bind(h);

const SHAPES = {
  canned: 'M2 3h12M2 7h12M2 11h7',
  clip: 'M13 7.5 8 12.6a3 3 0 0 1-4.3-4.3l5.4-5.4a2 2 0 0 1 2.9 2.9l-5.3 5.3a1 1 0 0 1-1.5-1.5l4.7-4.7',
  filter: 'M1.5 3h13L9.7 8.6v4.9l-3.4-1.7V8.6z',
  floor: 'M2 2h5v5H2zM9 2h5v5H9zM2 9h5v5H2zM9 9h5v5H9z',
  inbox: 'M1.5 3.5h13v9h-13zM1.5 4 8 9l6.5-5',
  reports: 'M1.5 14h13M4 14V8M8 14V3M12 14V6',
  settings: 'M2 4h7M13 4h1M11 2.5v3M2 8h2M8 8h6M6 6.5v3M2 12h7M13 12h1M11 10.5v3',
  smile: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM5.6 6v.6M10.4 6v.6M5 9.6a3.4 3.4 0 0 0 6 0',
  spark: 'M8 1.5 9.6 6.4 14.5 8 9.6 9.6 8 14.5 6.4 9.6 1.5 8 6.4 6.4z',
};

/** A picture by name: not every machine has a font with such signs. */
export const Icon = ({ name }) => html`<svg class="icon-shape" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round"><path d=${SHAPES[name]} /></svg>`;
