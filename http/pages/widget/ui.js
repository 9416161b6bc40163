// The view library in one place: every component imports from here.
import { h, render } from '/static/vendor/preact/preact.js';
import htm from '/static/vendor/htm/htm.js';

export { render };
export { signal, computed, effect, batch } from '/static/vendor/preact/signals.js';
export { useEffect, useLayoutEffect, useRef, useState } from '/static/vendor/preact/hooks.js';
export const html = htm.bind(h);
