// Offers of the routing, with the time that is left; sound and desktop notices as the agent prefers.
import { html, signal } from './basics/ui.js';
import { t } from './basics/i18n.js';
import { accept, decline } from './data/actions.js';
import { now, span } from './basics/format.js';
import { openConversation } from './basics/router.js';
import { onChange, peek } from './data/conversations.js';
import { onEvent } from './data/stream.js';
import { preferences } from './basics/preferences.js';
import { say } from './data/toasts.js';
import { user } from './data/session.js';

const offers = signal([]);
const drop = (id) => { offers.value = offers.value.filter((offer) => offer.conversation_id !== id); };

let audio = null;
function ring() {
  if (!preferences.value.sound) return;
  try {
    audio ??= new AudioContext();
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = 660;
    volume.gain.setValueAtTime(0.08, audio.currentTime);
    volume.gain.exponentialRampToValueAtTime(0.0001, audio.currentTime + 0.4);
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + 0.4);
  } catch { /* a browser without sound */ }
}

function notify(title, body, id) {
  ring();
  if (preferences.value.desktop && document.hidden && globalThis.Notification?.permission === 'granted') {
    const notice = new Notification(title, { body, tag: id });
    notice.onclick = () => { focus(); openConversation(id); notice.close(); };
  }
}

const nameIn = (data) => data.contact_name || data.contact_identifier || t('a customer');

onEvent(({ type, data, conversation_id: id, at }) => {
  if (type === 'notification:offer' && new Date(data.expires_at) > Date.now()) {
    offers.value = [...offers.value.filter((o) => o.conversation_id !== id), data];
    notify(t('Offered to you'), nameIn(data), id);
  } else if (type === 'notification:assignment') {
    drop(id);
    if (Date.now() - new Date(at) < 60_000) {
      notify(t('Assigned to you'), nameIn(data), id);
      say(t('Assigned to you: {name}', { name: nameIn(data) }), { action: { label: t('Open'), run: () => openConversation(id) } });
    }
  } else if (type === 'notification:mention') {
    notify(t('You were mentioned'), data.content.slice(0, 100), id);
    say(t('You were mentioned: {text}', { text: data.content.slice(0, 80) }), { action: { label: t('Open'), run: () => openConversation(id) } });
  } else if (type === 'conversation:updated' && data.snoozed_until === null) {
    const until = snoozes.get(id);
    snoozes.delete(id);
    const c = peek(id);
    if (!until || new Date(at) < until || c?.assignee_id !== user.value?.userId) return; // woken by hand, or a colleague's
    notify(t('Snooze is over'), nameIn(c), id);
    say(t('Snooze is over: {name}', { name: nameIn(c) }), { action: { label: t('Open'), run: () => openConversation(id) } });
  } else if (type === 'notification:queue' || type === 'notification:sla') {
    say(type === 'notification:sla' ? t('SLA: {name}', { name: nameIn(peek(id) ?? data) }) : t('Nobody can take {name}', { name: nameIn(data) }), { action: { label: t('Open'), run: () => openConversation(id) } });
  }
});
const snoozes = new Map(); // conversation → until when it is snoozed
onChange((id) => { const until = peek(id).snoozed_until; if (until) snoozes.set(id, new Date(until)); });
onChange((id) => { const c = peek(id); if (c.assignee_id && c.assignee_id !== user.value?.userId) drop(id); });

export function Offers() {
  const open = offers.value.filter((offer) => new Date(offer.expires_at) > now.value);
  if (!open.length) return null;
  return html`<section class="offers" aria-label=${t('Offers')} aria-live="assertive">${open.map((offer) => html`<div class="offer" key=${offer.offer_id} data-offer=${offer.conversation_id}>
    <span><b>${nameIn(offer)}</b> ${offer.last_message_preview?.slice(0, 80) ?? ''}</span>
    <span class="countdown">${span((new Date(offer.expires_at) - now.value) / 1000)}</span>
    <button type="button" class="primary" onClick=${async () => { if (await accept(offer.conversation_id)) openConversation(offer.conversation_id); drop(offer.conversation_id); }}>${t('Accept')}</button>
    <button type="button" onClick=${() => { decline(offer.conversation_id); drop(offer.conversation_id); }}>${t('Decline')}</button></div>`)}</section>`;
}
