// The thread on screen: head with actions, entries, unsent messages, composer. It stays at the end while the reader is there, and where
// the reader is otherwise.
import { html, useEffect, useLayoutEffect, useRef, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import * as act from '../data/actions.js';
import { Badge } from '../data/freshness.js';
import { Composer, editUnsent } from './composer.js';
import { CHANNELS, contactName, day, STATUS } from '../basics/format.js';
import { conversation } from '../data/conversations.js';
import { detailsOpen } from '../shell.js';
import { discard, retry } from './thread.js';
import { EntryLine } from './entry_line.js';
import { go, route } from '../basics/router.js';
import { Message, Unsent } from './message.js';
import { nameOf } from '../data/people.js';
import { pickAgent, pickSnooze } from '../keys.js';
import { can, user } from '../data/session.js';
import { SlaClocks } from '../list/sla.js';
import { Viewers } from './viewers.js';

const NEAR = 80; // px from an edge that count as being there

function Head({ c, thread }) {
  const mine = c.assignee_id === user.value.userId;
  const isLive = ['open', 'bot', 'assigned', 'pending'].includes(c.status);
  const button = (text, run, extra = '') => html`<button type="button" class=${extra} onClick=${run}>${text}</button>`;
  return html`<header class="thread-head">
    <div class="thread-title">
      <button type="button" class="icon back" aria-label=${t('Back to the list')} onClick=${() => go('inbox', route.peek().view)}>‹</button>
      <h1 dir="auto">${contactName(c)}</h1>
      <span class="channel-name">${t(CHANNELS[c.channel_type] ?? c.channel_type)}</span><span class="status ${c.status}">${STATUS()[c.status]}</span>
      ${c.assignee_id && html`<span class="assignee">${mine ? t('you') : nameOf(c.assignee_id)}</span>`}
      <${Badge} kind="thread" freshness=${thread.freshness} place=${thread.entries.value.at(-1)?.seq ?? 0} />
      <${SlaClocks} c=${c} all=${true} />
      <${Viewers} id=${c.id} />
    </div>
    <div class="actions" role="toolbar" aria-label=${t('Actions')}>
      ${isLive && !mine && button(t('Take it'), () => act.claim(c.id), 'primary')}
      ${isLive && button(t('Assign …'), () => pickAgent(c.id))}
      ${mine && button(t('Release'), () => act.release(c.id))}
      ${mine && c.status === 'assigned' && button(t('Wait'), () => act.pend(c.id))}
      ${isLive && button(t('Snooze …'), () => pickSnooze(c.id))}
      ${isLive && button(t('Resolve'), () => act.resolve(c.id), mine ? 'primary' : '')}
      ${c.status === 'resolved' && button(t('Reopen'), () => act.reopen(c.id), 'primary')}
      ${can('agent') && html`<button type="button" aria-pressed=${detailsOpen.value} onClick=${() => { detailsOpen.value = !detailsOpen.value; }}>${t('Details')}</button>`}
    </div>
  </header>`;
}

const retrySending = (message) => act.retryDelivery(message.id);

function Entries({ thread, c }) {
  const isMail = c.channel_type === 'email';
  const contact = contactName(c);
  const drawn = useRef({ contact, of: new WeakMap() });
  if (drawn.current.contact !== contact) drawn.current = { contact, of: new WeakMap() };
  let before = '';
  return thread.entries.value.map((entry) => {
    let made = drawn.current.of.get(entry); // the same node again costs nothing, however long the thread is
    if (!made) {
      const node = entry.kind === 'message' ? html`<${Message} key=${entry.seq} entry=${entry} contact=${contact} isMail=${isMail} onRetry=${retrySending} />` : html`<${EntryLine} key=${entry.seq} entry=${entry} />`;
      made = { date: new Date(entry.at).toDateString(), node };
      drawn.current.of.set(entry, made);
    }
    const { date, node } = made;
    if (date === before) return node;
    before = date;
    return [html`<p class="day" key=${`d${date}`}><span>${day(entry.at)}</span></p>`, node];
  });
}

function Typing({ thread }) {
  const names = [...thread.typing.value.values()].map((name) => name || t('The customer'));
  return html`<p class="typing" role="status">${names.length ? t('{names} is typing …', { names: names.join(', ') }) : ''}</p>`;
}

export function ThreadPane({ thread }) {
  const box = useRef(null);
  const atEnd = useRef(true);
  const anchor = useRef(null);
  const [below, setBelow] = useState(false);
  const c = conversation(thread.id)?.value;
  const entries = thread.entries.value;
  const unsent = thread.outbox.value;

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    if (anchor.current) { // older entries came in above: what was in sight stays there
      const { key, offset } = anchor.current;
      const kept = element.querySelector(`[data-seq="${key}"]`);
      if (kept) element.scrollTop += kept.getBoundingClientRect().top - offset;
      anchor.current = null;
    } else if (atEnd.current && thread.atEnd.peek()) {
      element.scrollTop = element.scrollHeight;
    }
  }, [entries, unsent, Boolean(c)]);
  useEffect(() => {
    const last = entries.at(-1);
    if (last && atEnd.current && !document.hidden && document.hasFocus()) act.markRead(thread.id, last.seq);
  }, [entries]);
  useEffect(() => {
    const watch = new ResizeObserver(() => { if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight; });
    if (box.current) { watch.observe(box.current); watch.observe(box.current.firstElementChild); }
    return () => watch.disconnect();
  }, [Boolean(c), thread.loaded.value]);

  async function onScroll() {
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    const rest = scrollHeight - scrollTop - clientHeight;
    atEnd.current = rest < NEAR && thread.atEnd.peek();
    setBelow(!atEnd.current);
    if (atEnd.current) act.markRead(thread.id, thread.high);
    if (scrollTop < 400 && thread.hasOlder) {
      const first = box.current.querySelector('[data-seq]');
      if (first && !thread.loadingOlder) {
        const seen = first.dataset.seq;
        const loading = thread.older();
        const place = () => { const kept = box.current?.querySelector(`[data-seq="${seen}"]`); if (kept) anchor.current = { key: seen, offset: kept.getBoundingClientRect().top }; };
        place();
        await loading;
      }
    } else if (rest < 400 && !thread.atEnd.peek()) {
      const last = thread.high;
      const kept = box.current.querySelector(`[data-seq="${last}"]`);
      if (kept) anchor.current = { key: String(last), offset: kept.getBoundingClientRect().top };
      await thread.newer();
    }
  }

  if (thread.failed.value) return html`<p class="problem" role="alert">${t('This conversation could not be loaded: {reason}', { reason: thread.failed.value.message })} <button type="button" onClick=${() => thread.open()}>${t('Try again')}</button></p>`;
  if (!c || !thread.loaded.value) return html`<p class="loading" role="status">${t('Loading …')}</p>`;
  const isClosed = ['closed', 'expired'].includes(c.status);
  return html`<div class="thread">
    <${Head} c=${c} thread=${thread} />
    <div class="entries" ref=${box} onScroll=${onScroll} tabindex="0" role="log" aria-label=${t('Messages')} aria-live="off"><div class="entries-inner">
      ${thread.hasOlder ? html`<p class="older">${t('Older messages load as you scroll.')}</p>` : html`<p class="older">${t('The conversation begins here.')}</p>`}
      <${Entries} thread=${thread} c=${c} />
      ${unsent.map((m) => html`<${Unsent} key=${m.key} message=${m} onRetry=${() => retry(thread.id, m.key)?.catch(() => null)} onEdit=${() => editUnsent(thread.id, m.key)} onDiscard=${() => discard(thread.id, m.key)} />`)}
      <${Typing} thread=${thread} />
    </div></div>
    ${below && html`<button type="button" class="to-end" onClick=${async () => { atEnd.current = true; if (!thread.atEnd.peek()) await thread.jump(); box.current.scrollTop = box.current.scrollHeight; }}>${t('To the newest')} ↓</button>`}
    ${isClosed ? html`<p class="composer ended">${t('This conversation is closed for good. The customer’s next message opens a new one.')}</p>` : html`<${Composer} key=${thread.id} id=${thread.id} isMail=${c.channel_type === 'email'} />`}
  </div>`;
}
