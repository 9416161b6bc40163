// Keys: shortcuts that can be changed, the palette of all commands, pickers, and the help sheet. Single keys act only outside of text
// fields, so nothing is taken from the browser.
import { html, signal, useEffect, useLayoutEffect, useRef, useState } from './basics/ui.js';
import { t } from './basics/i18n.js';
import * as act from './data/actions.js';
import { agents, labels, loadAgents, teams } from './data/people.js';
import { compose } from './thread/composer.js';
import { contactName, full, PRIORITIES, PRIORITY } from './basics/format.js';
import { moveActive, reveal, active } from './list/list_pane.js';
import { can, user } from './data/session.js';
import { go, openConversation } from './basics/router.js';
import { neighbour, rows, settle } from './list/list.js';
import { peek } from './data/conversations.js';
import { preferences } from './basics/preferences.js';
import { open } from './thread/thread.js';

const current = () => open.peek()?.id ?? null;
const c = () => peek(current());
const step = (n) => { const id = neighbour(current() ?? active.peek(), n); if (id) { active.value = id; reveal(id); openConversation(id); } };

/** name: [default keys, words, action, when it makes sense] */
export const COMMANDS = {
  next: ['j', () => t('Next conversation'), () => step(1)],
  previous: ['k', () => t('Previous conversation'), () => step(-1)],
  down: ['J', () => t('Move down the list'), () => moveActive(1)],
  up: ['K', () => t('Move up the list'), () => moveActive(-1)],
  open: ['o', () => t('Open the marked conversation'), () => active.peek() && openConversation(active.peek())],
  reply: ['r', () => t('Reply'), () => compose({ isPrivate: false }), current],
  note: ['n', () => t('Write a note'), () => compose({ isPrivate: true }), current],
  canned: ['/', () => t('Canned response'), () => compose({ canned: true, isPrivate: false }), current],
  resolve: ['e', () => t('Resolve and continue'), () => act.resolve(current()), () => c() && !['resolved', 'closed', 'expired'].includes(c().status)],
  reopen: ['E', () => t('Reopen'), () => act.reopen(current()), () => c()?.status === 'resolved'],
  claim: ['c', () => t('Take it'), () => act.claim(current()), () => c() && c().assignee_id !== user.value.userId],
  assign: ['a', () => t('Assign to …'), pickAgent, current],
  team: ['t', () => t('Assign to a team …'), pickTeam, () => current() && can('lead')],
  release: ['u', () => t('Back to the queue'), () => act.release(current()), () => c()?.assignee_id === user.value.userId],
  handback: ['b', () => t('Hand back to the bot'), () => act.handBack(current()), () => c() && ['open', 'assigned', 'pending'].includes(c().status)],
  pending: ['w', () => t('Wait for the customer'), () => act.pend(current()), () => c()?.status === 'assigned'],
  snooze: ['z', () => t('Snooze …'), pickSnooze, current],
  label: ['l', () => t('Labels …'), pickLabel, current],
  priority: ['p', () => t('Priority …'), pickPriority, current],
  details: ['d', () => t('Show or hide details'), async () => { const { detailsOpen } = await import('./shell.js'); detailsOpen.value = !detailsOpen.value; }],
  search: ['f', () => t('Search conversations'), () => document.getElementById('search')?.focus()],
  settle: ['.', () => t('Show what is new in the list'), () => { settle(); document.getElementById('rows')?.scrollTo(0, 0); }],
  mine: ['g m', () => t('Go to: mine'), () => go('inbox', 'mine')],
  unassigned: ['g u', () => t('Go to: unassigned'), () => go('inbox', 'unassigned')],
  queue: ['g q', () => t('Go to: queue'), () => go('inbox', 'queue')],
  all: ['g a', () => t('Go to: all'), () => go('inbox', 'all')],
  floor: ['g f', () => t('Go to: floor'), () => go('floor'), () => can('lead')],
  reports: ['g r', () => t('Go to: reports'), () => go('reports'), () => can('lead')],
  admin: ['g s', () => t('Go to: settings'), () => go('admin'), () => can('lead')],
  preferences: ['g p', () => t('Go to: preferences'), () => go('preferences')],
  palette: [':', () => t('All commands'), () => { Palette.mode.value = commandMode(); }],
  help: ['?', () => t('Keyboard help'), () => { HelpSheet.open.value = !HelpSheet.open.value; }],
};

export const keysOf = (name) => preferences.value.shortcuts[name] ?? COMMANDS[name][0];
const applies = (name) => !COMMANDS[name][3] || Boolean(COMMANDS[name][3]());

let begun = '';
let forget = 0;
function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.key.length > 1) return;
  if (event.target.closest?.('input, textarea, select, [contenteditable], dialog')) return;
  const keys = begun ? `${begun} ${event.key}` : event.key;
  clearTimeout(forget);
  begun = '';
  for (const name of Object.keys(COMMANDS)) {
    const wanted = keysOf(name);
    if (wanted === keys && applies(name)) {
      event.preventDefault();
      COMMANDS[name][2]();
      return;
    }
    if (wanted.startsWith(`${keys} `)) begun = keys;
  }
  if (begun) forget = setTimeout(() => { begun = ''; }, 1500);
}

export const bindKeys = () => document.addEventListener('keydown', onKey);

// -- pickers

const pick = (title, items, onPick, { free = null, keepOpen = false } = {}) => { Palette.mode.value = { title, items, onPick, free, keepOpen }; };

function commandMode() {
  return {
    title: t('All commands'),
    items: () => [
      ...Object.keys(COMMANDS).filter((name) => name !== 'palette' && applies(name)).map((name) => ({ text: COMMANDS[name][1](), hint: keysOf(name), run: COMMANDS[name][2] })),
      ...rows.peek().slice(0, 50).map((id) => ({ text: contactName(peek(id)), hint: t('conversation'), run: () => openConversation(id) })),
    ],
    onPick: (item) => item.run(),
  };
}

export function pickAgent(id = current()) {
  loadAgents().catch(() => null); // who is there and how busy, as of now
  pick(t('Assign to …'), () => [...agents.value.values()].map((a) => ({ text: a.name ?? a.user_id, hint: `${t(a.status)} · ${a.active}/${a.maximum}`, id: a.user_id })), (item) => act.assignTo(id, item.id));
}

export function pickTeam(id = current()) {
  pick(t('Assign to a team …'), () => teams.value.map((team) => ({ text: team.name, hint: team.description ?? '', id: team.id })), (item) => act.assignTeam(id, item.id));
}

export function pickSnooze(id = current()) {
  const at = (days, hour) => { const d = new Date(); d.setDate(d.getDate() + days); d.setHours(hour, 0, 0, 0); return d; };
  const monday = () => at(((8 - new Date().getDay()) % 7) || 7, 9);
  const items = [[t('In an hour'), new Date(Date.now() + 3_600_000)], [t('In three hours'), new Date(Date.now() + 10_800_000)], [t('Tomorrow morning'), at(1, 9)], [t('On Monday'), monday()], [t('In a week'), at(7, 9)], [t('Wake up now'), null]];
  pick(t('Snooze …'), () => items.map(([text, until]) => ({ text, hint: until ? full(until) : '', until })), (item) => act.snooze(id, item.until));
}

export function pickLabel(id = current()) {
  const toggle = (label) => { const has = peek(id).labels; return act.change(id, { labels: has.includes(label) ? has.filter((l) => l !== label) : [...has, label] }); };
  const all = () => [...new Set([...peek(id).labels, ...labels.value.map((l) => l.label)])].map((label) => ({ text: label, hint: peek(id).labels.includes(label) ? '✓' : '', label }));
  pick(t('Labels …'), all, (item) => toggle(item.label), { free: (text) => toggle(text) });
}

export function pickPriority(id = current()) {
  pick(t('Priority …'), () => PRIORITIES.map((p) => ({ text: PRIORITY()[p], hint: peek(id).priority === p ? '✓' : '', p })), (item) => act.change(id, { priority: item.p }));
}

// -- the palette

export function Dialog({ title, onClose, children, kind = '' }) {
  const box = useRef(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    box.current.showModal();
    return () => before?.focus?.();
  }, []);
  return html`<dialog ref=${box} class=${kind} aria-label=${title} onClose=${onClose} onClick=${(e) => { if (e.target === box.current) onClose(); }}>${children}</dialog>`;
}

export function Palette() {
  const mode = Palette.mode.value;
  return mode && html`<${Chooser} key=${mode.title} mode=${mode} />`;
}
Palette.mode = signal(null);

function Chooser({ mode }) {
  const [word, setWord] = useState('');
  const [at, setAt] = useState(0);
  const lower = word.trim().toLowerCase();
  const items = mode.items().filter((item) => item.text.toLowerCase().includes(lower)).slice(0, 60);
  const free = mode.free && word.trim() && !items.some((item) => item.text === word.trim()) ? [{ text: t('Add “{word}”', { word: word.trim() }), free: true }] : [];
  const shown = [...items, ...free];
  const close = () => { Palette.mode.value = null; };
  const take = (item) => { close(); setTimeout(() => (item.free ? mode.free(word.trim()) : mode.onPick(item))); };
  useEffect(() => { document.getElementById(`choice-${at}`)?.scrollIntoView({ block: 'nearest' }); }, [at]);
  function onKeyDown(event) {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') { event.preventDefault(); setAt((at + (event.key === 'ArrowDown' ? 1 : shown.length - 1)) % Math.max(1, shown.length)); }
    if (event.key === 'Enter' && shown[at]) { event.preventDefault(); take(shown[at]); }
  }
  return html`<${Dialog} title=${mode.title} onClose=${close} kind="palette">
    <h2>${mode.title}</h2>
    <input role="combobox" aria-label=${mode.title} aria-expanded="true" aria-controls="choices" aria-activedescendant=${shown[at] ? `choice-${at}` : null} autofocus value=${word} onInput=${(e) => { setWord(e.target.value); setAt(0); }} onKeyDown=${onKeyDown} />
    <ul id="choices" role="listbox" aria-label=${mode.title}>${shown.map((item, n) => html`<li key=${n} id=${`choice-${n}`} role="option" aria-selected=${n === at} class=${n === at ? 'chosen' : ''} onClick=${() => take(item)}><span>${item.text}</span><small>${item.hint}</small></li>`)}</ul>
    ${!shown.length && html`<p class="empty" role="status">${t('Nothing was found.')}</p>`}
  <//>`;
}

export function HelpSheet() {
  if (!HelpSheet.open.value) return null;
  const close = () => { HelpSheet.open.value = false; };
  return html`<${Dialog} title=${t('Keyboard shortcuts')} onClose=${close} kind="help">
    <h2>${t('Keyboard shortcuts')}</h2>
    <dl class="keys">${Object.entries(COMMANDS).map(([name, [, words]]) => html`<div key=${name}><dt>${keysOf(name).split(' ').map((k) => html`<kbd>${k}</kbd> `)}</dt><dd>${words()}</dd></div>`)}
      <div><dt><kbd>Ctrl</kbd> <kbd>Enter</kbd></dt><dd>${t('Send')}</dd></div><div><dt><kbd>Ctrl</kbd> <kbd>Shift</kbd> <kbd>Enter</kbd></dt><dd>${t('Send, resolve and continue')}</dd></div><div><dt><kbd>Esc</kbd></dt><dd>${t('Leave the text field')}</dd></div></dl>
    <p><button type="button" onClick=${() => { close(); go('preferences'); }}>${t('Change shortcuts')}</button> <button type="button" autofocus onClick=${close}>${t('Close')}</button></p>
  <//>`;
}
HelpSheet.open = signal(false);

