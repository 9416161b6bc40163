// The view library in one place: every component imports from here.
import { h, render, Fragment } from '/static/vendor/preact/preact.js';
import htm from '/static/vendor/htm/htm.js';

export { render, Fragment };
export { signal, computed, effect, batch, untracked } from '/static/vendor/preact/signals.js';
export { useEffect, useLayoutEffect, useRef, useState, useMemo, useCallback } from '/static/vendor/preact/hooks.js';
export const html = htm.bind(h);
