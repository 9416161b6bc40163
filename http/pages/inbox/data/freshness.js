// The freshness badges: up to which place in the account's feed, or in a thread, the page is proved complete.
import { html } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { now, span } from '../basics/format.js';
import { proof, state, transport } from './stream.js';

const WORDS = () => ({
  fresh: t('Up to date'), live: t('Up to date'), 'catching-up': t('Catching up …'), past: t('Earlier messages'), connecting: t('Connecting …'), cut: t('Connection lost, reconnecting …'),
});

export function Badge({ freshness, place, title, kind }) {
  return html`<span class="badge ${freshness}" data-freshness=${freshness} data-badge=${kind} data-place=${place} title=${title} role="status">
    <span class="dot" aria-hidden="true"></span>${WORDS()[freshness]}${place !== null && place !== undefined ? html` <span class="place">${freshness === 'fresh' || freshness === 'live' ? `#${place}` : t('complete up to {place}', { place: `#${place}` })}</span>` : ''}
  </span>`;
}

/** The stream's own: the position of the account's feed. */
export function StreamBadge() {
  const proved = proof.value;
  const ago = proved ? t('proved {ago} ago', { ago: span((now.value - proved.at) / 1000) }) : '';
  return html`<${Badge} kind="stream" freshness=${state.value} place=${proved?.position} title=${`${ago} · ${transport.value ?? ''}`} />`;
}
