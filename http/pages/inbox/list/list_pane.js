// The list: tabs, search and filters, and a window of rows. Only the rows in sight are in the document.
import { html, Icon, signal, useEffect, useLayoutEffect, useRef } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { Badge } from '../data/freshness.js';
import { CHANNELS, contactName, now, PRIORITIES, PRIORITY, SHORT_CHANNELS, span, STATUS, when } from '../basics/format.js';
import { failed, filter, freshness, hold, loadMore, loading, more, NO_FILTER, OVER, reload, rows, settle, show, signalOf, view, waiting } from './list.js';
import { hits, lookForHits, placeOf } from './hits.js';
import { labels, nameOf, teams } from '../data/people.js';
import { preferences } from '../basics/preferences.js';
import { deleteFilter, saveFilter } from '../data/inbox_preferences.js';
import { go, openConversation, route } from '../basics/router.js';
import { proof } from '../data/stream.js';
import { can } from '../data/session.js';
import { SlaClocks } from './sla.js';

const ROW = 76; // px; the style sheet says the same
const SPARE = 6; // rows beyond the edge of sight
const scroll = signal({ top: 0, height: 600 });
export const active = signal(null); // the row that keys act on
const filtersOpen = signal(false);

const TABS = () => [['mine', t('Mine')], ['unassigned', t('Unassigned')], ['queue', t('Queue')], ['all', t('All')]];

function Tabs() {
  return html`<div class="tabs" role="tablist" aria-label=${t('Views')}>
    ${TABS().map(([name, text]) => html`<button type="button" role="tab" key=${name} aria-selected=${view.value === name} aria-controls="rows"
      onClick=${() => go('inbox', name, route.peek().id)}>${text}</button>`)}
  </div>`;
}

let typing = 0;
function search(text) {
  clearTimeout(typing);
  typing = setTimeout(() => show(view.peek(), { ...filter.peek(), q: text }), 250);
}

function Search() {
  return html`<div class="search" role="search">
    <label class="visually-hidden" for="search">${t('Search conversations')}</label>
    <input id="search" type="search" placeholder=${t('Search')} value=${filter.value.q} onInput=${(e) => search(e.target.value)} />
    <button type="button" class="icon" aria-expanded=${filtersOpen.value} aria-controls="filters" aria-label=${t('Filters')} title=${t('Filters')}
      onClick=${() => { filtersOpen.value = !filtersOpen.value; }}><${Icon} name="filter" />${isFiltered() ? html`<span class="dot on" />` : ''}</button>
  </div>`;
}

const isFiltered = () => Object.entries(NO_FILTER).some(([name, value]) => name !== 'q' && String(filter.value[name]) !== String(value));
const change = (part) => show(view.peek(), { ...filter.peek(), ...part });

function Select({ name, label, options }) {
  return html`<label>${label}
    <select name=${name} value=${filter.value[name]} onChange=${(e) => change({ [name]: e.target.value })}>
      ${options.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}
    </select></label>`;
}

function save(event) {
  event.preventDefault();
  const name = event.target.elements.namedItem('name').value.trim();
  if (!name) return;
  saveFilter(name, filter.peek());
  event.target.reset();
}

function Filters() {
  if (!filtersOpen.value) return null;
  const any = ['', t('Any')];
  const status = filter.value.status;
  return html`<div class="filters" id="filters">
    <fieldset><legend>${t('Status')}</legend>${Object.entries(STATUS()).map(([value, text]) => html`<label key=${value} class="check">
      <input type="checkbox" checked=${status.includes(value)} onChange=${(e) => change({ status: e.target.checked ? [...status, value] : status.filter((s) => s !== value) })} />${text}</label>`)}</fieldset>
    <${Select} name="team_id" label=${t('Team')} options=${[any, ...teams.value.map((team) => [team.id, team.name])]} />
    <${Select} name="channel_type" label=${t('Channel')} options=${[any, ...Object.entries(CHANNELS).map(([k, v]) => [k, t(v)])]} />
    <${Select} name="label" label=${t('Label')} options=${[any, ...labels.value.map((l) => [l.label, l.label])]} />
    <${Select} name="priority" label=${t('Priority')} options=${[any, ...PRIORITIES.map((p) => [p, PRIORITY()[p]])]} />
    ${view.value !== 'queue' && html`<${Select} name="sort" label=${t('Sort')} options=${[['last_message_at:desc', t('Newest message')], ['last_message_at:asc', t('Oldest message')], ['created_at:desc', t('Newest')], ['created_at:asc', t('Oldest')], ['priority:desc', t('Most urgent')]]} />`}
    <div class="saved">
      ${preferences.value.filters.map((saved) => html`<span key=${saved.name} class="chip"><button type="button" onClick=${() => change(saved.filter)}>${saved.name}</button>
        <button type="button" aria-label=${t('Delete filter {name}', { name: saved.name })} onClick=${() => deleteFilter(saved.name)}>×</button></span>`)}
      <form class="inline" onSubmit=${save}>
        <input name="name" maxlength="40" placeholder=${t('Save as …')} aria-label=${t('Name of this filter')} /><button type="submit">${t('Save')}</button>
        <button type="button" onClick=${() => change(NO_FILTER)}>${t('Clear')}</button>
      </form>
    </div>
  </div>`;
}

/** Text with what was searched for marked. */
function Hit({ text }) {
  const place = placeOf(text ?? '', filter.value.q);
  return place ? html`${text.slice(0, place[0])}<mark>${text.slice(...place)}</mark>${text.slice(place[1])}` : text;
}

function Clocks({ c }) {
  const clocks = [];
  clocks.push(html`<${SlaClocks} key="sla" c=${c} />`);
  if (!c.assignee_id && c.status === 'open') clocks.push(html`<span key="wait" class="wait">${t('waits {time}', { time: span((now.value - new Date(c.created_at)) / 1000) })}${c.queue_position ? html` · <bdi dir="ltr">#${c.queue_position}</bdi>` : ''}</span>`);
  if (c.snoozed_until && new Date(c.snoozed_until) > now.value) clocks.push(html`<span key="snooze">${t('snoozed')} ${when(c.snoozed_until)}</span>`);
  return clocks;
}

function Row({ id, index, total, current }) {
  const c = signalOf(id)?.value;
  if (!c) return null;
  const isActive = active.value === id;
  return html`<div class="row ${id === current ? 'current' : ''} ${isActive ? 'active' : ''} ${c.unread_count ? 'unread' : ''}" style=${{ top: `${index * ROW}px` }} id=${`row-${id}`} data-id=${id}
      role="option" aria-selected=${id === current} aria-setsize=${total} aria-posinset=${index + 1} onClick=${() => { active.value = id; openConversation(id); }}>
    <div class="row-line"><span class="channel ${c.channel_type}" title=${t(CHANNELS[c.channel_type] ?? c.channel_type)}>${SHORT_CHANNELS[c.channel_type]}</span>
      <span class="name" dir="auto"><${Hit} text=${contactName(c)} /></span>
      ${c.priority !== 'normal' && html`<span class="priority ${c.priority}">${PRIORITY()[c.priority]}</span>`}
      <time datetime=${c.last_message_at}>${when(c.last_message_at ?? c.created_at)}</time></div>
    <div class="row-line preview">${c.unread_count > 0 && html`<span class="count" aria-label=${t('{n} unread', { n: c.unread_count })}>${c.unread_count}</span>`}
      <span class="text" dir="auto"><${Hit} text=${(filter.value.q && hits.value[id]) || c.last_message_preview || c.subject || ''} /></span></div>
    <div class="row-line small"><span class="status ${c.status}">${STATUS()[c.status]}</span>${c.assignee_id && html`<span>${nameOf(c.assignee_id)}</span>`}
      <${Clocks} c=${c} />${c.labels.slice(0, 3).map((l) => html`<span class="label" key=${l}>${l}</span>`)}</div>
  </div>`;
}

/** Move the active row, and bring it into sight. */
export function moveActive(step) {
  const all = rows.peek();
  const at = all.indexOf(active.peek() ?? route.peek().id);
  active.value = all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + step))] ?? null;
  reveal(active.peek());
}

export function reveal(id) {
  const box = document.getElementById('rows');
  const at = rows.peek().indexOf(id);
  if (!box || at < 0) return;
  if (at * ROW < box.scrollTop) box.scrollTop = at * ROW;
  else if ((at + 1) * ROW > box.scrollTop + box.clientHeight) box.scrollTop = (at + 1) * ROW - box.clientHeight;
}

function onKey(event) {
  const page = Math.max(1, Math.floor(scroll.peek().height / ROW) - 1);
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (steps[event.key] !== undefined) {
    event.preventDefault();
    moveActive(steps[event.key]);
  } else if (event.key === 'Enter' && active.peek()) {
    event.preventDefault();
    openConversation(active.peek());
  }
}

let pointed = false;
let leaving = 0;
/** The pointer is over the rows or the button above them, or has left them (a moment ago, as it may be on its way to the button). */
function point(isOver) {
  clearTimeout(leaving);
  const settleDown = () => {
    pointed = isOver;
    const box = document.getElementById('rows');
    if (box) hold(pointed || box.scrollTop > 4 || box.contains(document.activeElement));
  };
  if (isOver) settleDown();
  else leaving = setTimeout(settleDown, 250);
}
const pointer = { onPointerEnter: (e) => e.pointerType !== 'touch' && point(true), onPointerLeave: () => point(false) };

function Rows({ current }) {
  const box = useRef(null);
  const update = () => hold(pointed || box.current.scrollTop > 4 || box.current.contains(document.activeElement));
  useLayoutEffect(() => {
    const measure = () => { scroll.value = { top: box.current.scrollTop, height: box.current.clientHeight }; };
    const watch = new ResizeObserver(measure);
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  const all = rows.value;
  const { top, height } = scroll.value;
  const first = Math.max(0, Math.floor(top / ROW) - SPARE);
  const last = Math.min(all.length, Math.ceil((top + height) / ROW) + SPARE, first + 60);
  useEffect(() => { if (more.value && last > all.length - 20) loadMore(); }, [last, all.length, more.value]);
  useEffect(() => { if (!loading.value) lookForHits(rows.peek(), filter.peek().q); }, [filter.value.q, loading.value]);
  return html`<div class="rows" id="rows" ref=${box} role="listbox" tabindex="0" aria-label=${t('Conversations')} aria-activedescendant=${active.value ? `row-${active.value}` : null}
      onKeyDown=${onKey} onFocusIn=${update} onFocusOut=${() => setTimeout(() => box.current && update())} ...${pointer}
      onScroll=${() => { scroll.value = { top: box.current.scrollTop, height: box.current.clientHeight }; update(); }}>
    <div class="rows-space" role="presentation" style=${{ height: `${all.length * ROW}px` }}>
      ${all.slice(first, last).map((id, n) => html`<${Row} key=${id} id=${id} index=${first + n} total=${more.value ? -1 : all.length} current=${current} />`)}
    </div>
  </div>`;
}

/** Why no rows are shown; a list without a chosen status leaves out what is over. */
function Empty() {
  const { q, status } = filter.value;
  if (q) return html`<p class="empty">${t('Nothing was found.')}</p>`;
  if (status.length || ['unassigned', 'queue'].includes(view.value)) return html`<p class="empty">${t('No conversations here.')}</p>`;
  return html`<p class="empty">${t('No live conversations here.')}<br /><button type="button" class="link" onClick=${() => show(view.peek(), { ...filter.peek(), status: OVER })}>${t('Show those that are over')}</button></p>`;
}

export function List({ current }) {
  const count = waiting.value;
  return html`<aside class="list" aria-label=${t('Conversation list')}>
    <div class="list-head"><${Tabs} /><${Search} /><${Filters} />
      <div class="list-state" ...${pointer}><${Badge} kind="list" freshness=${freshness()} place=${proof.value?.position} />
        ${isFiltered() && html`<button type="button" class="link" onClick=${() => change({ ...NO_FILTER, q: filter.peek().q })}>${t('Clear filters')}</button>`}
        ${count > 0 && html`<button type="button" class="new" onClick=${() => { settle(); document.getElementById('rows').scrollTop = 0; }}>${t('{n} new', { n: count })}</button>`}</div>
    </div>
    ${failed.value && html`<p class="problem" role="alert">${t('The list could not be loaded.')} <button type="button" onClick=${() => reload()}>${t('Try again')}</button></p>`}
    ${!loading.value && !failed.value && rows.value.length === 0 && html`<${Empty} />`}
    <${Rows} current=${current} />
    ${can('agent') && loading.value && html`<p class="loading-more" role="status">${t('Loading …')}</p>`}
  </aside>`;
}
