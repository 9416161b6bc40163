// Where an agent writes: messages and notes, canned responses with `/`, files, recipients of a mail, the kept draft.
import { html, Icon, useEffect, useLayoutEffect, useRef, useState } from '../basics/ui.js';
import { uuid } from '../basics/browser.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';
import { resolve } from '../data/actions.js';
import { complain } from '../data/toasts.js';
import { contactName, PRIORITY, size, STATUS } from '../basics/format.js';
import { draftOf, keep, loadDrafts, others, saved } from '../data/drafts.js';
import { canned, nameOf } from '../data/people.js';
import { discard, send } from './thread.js';
import { peek } from '../data/conversations.js';
import { tell } from '../data/stream.js';
import { SuggestButton, Suggestion } from './suggestions.js';

const MOST_FILES = 30;
const MOST_TEXT = 65_536;
const TYPING_EVERY = 3000;
const EMOJI = '😀😃😄😁😅😂🙂😉😊😍🤔😐😕🙁😢😮👍👎👏🙏💪👋✅❌⚠️❗❓⭐🎉❤️💡📦📄📞✉️🔧⏰🚚💳🔒'.match(/\p{Extended_Pictographic}\uFE0F?/gu);

let onScreen = null;
/** Ask the composer on screen for focus, canned responses, or to take a text. At once, so that the next key is already its own. */
export const compose = (what) => onScreen?.(what);

function matching(word) {
  const found = word.toLowerCase();
  const score = (c) => (c.short_code.toLowerCase().replace(/^\//, '').startsWith(found) ? 0 : c.title.toLowerCase().includes(found) ? 1 : c.content.toLowerCase().includes(found) ? 2 : 9);
  return canned.value.map((c) => [score(c), c]).filter(([s]) => s < 9).sort(([a, x], [b, y]) => a - b || x.short_code.localeCompare(y.short_code)).slice(0, 8).map(([, c]) => c);
}

/** The `/word` before the cursor, where a canned response is asked for. */
function slashAt(text, at) {
  const found = /(?:^|\s)\/(\S{0,40})$/.exec(text.slice(0, at));
  return found ? { word: found[1], from: at - found[1].length - 1 } : null;
}

function CannedMenu({ items, chosen, onPick }) {
  if (!items.length) return html`<div class="canned-menu"><p>${t('No canned response fits.')}</p></div>`;
  return html`<ul class="canned-menu" role="listbox" id="canned-menu" aria-label=${t('Canned responses')}>
    ${items.map((c, n) => html`<li key=${c.id} id=${`canned-${n}`} role="option" aria-selected=${n === chosen} class=${n === chosen ? 'chosen' : ''}
      onPointerDown=${(e) => { e.preventDefault(); onPick(c); }}><b>${c.short_code}</b> ${c.title} ${c.actions ? html`<span class="label">${t('macro')}</span>` : ''}<small>${c.content.slice(0, 100)}</small></li>`)}
  </ul>`;
}

function Recipients({ value, onChange }) {
  const field = (name, label) => html`<label>${label} <input name=${name} value=${value[name] ?? ''} placeholder=${t('as the mail it answers')} onInput=${(e) => onChange({ ...value, [name]: e.target.value })} /></label>`;
  return html`<div class="recipients">${field('to', t('To'))}${field('cc', t('Cc'))}${field('bcc', t('Bcc'))}</div>`;
}

const listed = (text) => (text === undefined ? undefined : text.split(/[,;\s]+/).filter(Boolean));

function Colleagues({ id }) {
  return (others.value[id] ?? []).map((d) => html`<details class="colleague-draft" key=${d.user_id}><summary>${t('{name} is writing a draft', { name: d.name ?? nameOf(d.user_id) })}${d.is_private ? ` (${t('note')})` : ''}</summary><p dir="auto">${d.content}</p></details>`);
}

export function Composer({ id, isMail }) {
  const box = useRef(null);
  const files = useRef(null);
  const [text, setText] = useState(draftOf(id)?.content ?? '');
  const [isPrivate, setPrivate] = useState(draftOf(id)?.isPrivate ?? false);
  const [attached, setAttached] = useState([]);
  const [to, setTo] = useState({});
  const [menu, setMenu] = useState(null);
  const [chosen, setChosen] = useState(0);
  const [macro, setMacro] = useState(null);
  const [emoji, setEmoji] = useState(false);
  const [over, setOver] = useState(false);
  const saidTyping = useRef(0);
  const current = useRef({});
  current.current = { text, isPrivate };

  useEffect(() => {
    loadDrafts(id).then((draft) => {
      if (draft && !current.current.text) { setText(draft.content); setPrivate(draft.isPrivate); }
    }).catch(() => null);
  }, [id]);
  useLayoutEffect(() => {
    box.current.style.height = 'auto';
    box.current.style.height = `${Math.min(box.current.scrollHeight + 2, innerHeight * 0.4)}px`;
  }, [text]);
  useLayoutEffect(() => {
    const answer = (asked) => {
      if (asked.isPrivate !== undefined) setPrivate(asked.isPrivate);
      const given = asked.text ?? (asked.canned && !box.current.value ? '/' : null);
      if (given !== null) {
        box.current.value = given;
        edit(given);
      }
      box.current.focus();
      box.current.setSelectionRange(box.current.value.length, box.current.value.length);
    };
    onScreen = answer;
    return () => { if (onScreen === answer) onScreen = null; };
  });

  function edit(value, at = value.length) {
    setText(value);
    keep(id, value, current.current.isPrivate);
    const slash = slashAt(value, at);
    setMenu(slash);
    setChosen(0);
    if (!current.current.isPrivate && Date.now() - saidTyping.current > TYPING_EVERY) {
      saidTyping.current = Date.now();
      tell({ type: 'conversation:typing:start', conversation_id: id });
    }
  }

  function toggleNote(value) {
    setPrivate(value);
    keep(id, current.current.text, value);
    box.current.focus();
  }

  async function pick(response) {
    const { from, word } = menu;
    setMenu(null);
    try {
      const { content } = await api.post(`/v1/canned-responses/${response.id}/render`, { conversation_id: id });
      const now = current.current.text;
      edit(`${now.slice(0, from)}${content}${now.slice(from + word.length + 1)}`, 0);
      setMacro(response.actions ? response : null);
      box.current.focus();
    } catch (error) {
      complain(error);
    }
  }

  async function attach(list) {
    for (const file of [...list].slice(0, MOST_FILES - attached.length)) {
      const mark = { key: uuid(), name: file.name, size: file.size, state: 'uploading' };
      setAttached((all) => [...all, mark]);
      const change = (part) => setAttached((all) => all.map((a) => (a.key === mark.key ? { ...a, ...part } : a)));
      api.post(`/v1/attachments?name=${encodeURIComponent(file.name)}`, file)
        .then((made) => change({ state: 'ready', made })).catch((error) => change({ state: 'failed', problem: error.text ?? error.message }));
    }
  }

  const isReady = attached.every((a) => a.state === 'ready');
  const canSend = (text.trim() || attached.length) && text.length <= MOST_TEXT && isReady;

  function submit({ thenResolve = false } = {}) {
    if (!canSend) return;
    const message = {
      content: text.trim() || attached.map((a) => a.name).join(', '), isPrivate,
      attachments: attached.map(({ made }) => ({ url: made.url, name: made.name, content_type: made.content_type, size: made.size })),
      ...(isMail && !isPrivate ? { to: listed(to.to), cc: listed(to.cc), bcc: listed(to.bcc) } : {}),
    };
    const applied = macro;
    setText(''); setAttached([]); setMenu(null); setTo({}); setMacro(null); setPrivate(false);
    tell({ type: 'conversation:typing:stop', conversation_id: id });
    saidTyping.current = 0;
    send(id, message).then(async () => {
      if (applied) await applyMacro(id, applied);
      if (thenResolve) await resolve(id);
    }).catch(() => null); // the unsent message says what went wrong
  }

  function onKeyDown(event) {
    if (event.isComposing) return;
    const items = menu ? matching(menu.word) : [];
    if (menu && items.length) {
      if (event.key === 'ArrowDown' || event.key === 'ArrowUp') { event.preventDefault(); setChosen((chosen + (event.key === 'ArrowDown' ? 1 : items.length - 1)) % items.length); return; }
      if (event.key === 'Enter' || event.key === 'Tab') { event.preventDefault(); pick(items[chosen]); return; }
    }
    if (event.key === 'Escape') { event.preventDefault(); if (menu) setMenu(null); else box.current.blur(); return; }
    if (event.key !== 'Enter' || event.shiftKey && !event.ctrlKey && !event.metaKey) return;
    if (event.ctrlKey || event.metaKey) { event.preventDefault(); submit({ thenResolve: event.shiftKey }); return; }
    if (!isMail && !event.altKey) { event.preventDefault(); submit(); }
  }

  return html`<form class="composer ${isPrivate ? 'private' : ''} ${over ? 'over' : ''}" onSubmit=${(e) => { e.preventDefault(); submit(); }}
      onDragOver=${(e) => { if (e.dataTransfer.types.includes('Files')) { e.preventDefault(); setOver(true); } }} onDragLeave=${() => setOver(false)}
      onDrop=${(e) => { e.preventDefault(); setOver(false); attach(e.dataTransfer.files); }}>
    <${Colleagues} id=${id} />
    <${Suggestion} id=${id} />
    <div class="composer-tabs" role="group" aria-label=${t('Kind of message')}>
      <button type="button" aria-pressed=${!isPrivate} onClick=${() => toggleNote(false)}>${t('Reply')}</button>
      <button type="button" aria-pressed=${isPrivate} onClick=${() => toggleNote(true)}>${t('Note')}</button>
      <span class="draft-state" role="status">${text ? (saved.value ? t('Draft saved') : t('Saving draft …')) : ''}</span>
    </div>
    ${isMail && !isPrivate && html`<details class="recipients-box"><summary>${t('Recipients')}</summary><${Recipients} value=${to} onChange=${setTo} /></details>`}
    <div class="write">
      ${menu && html`<${CannedMenu} items=${matching(menu.word)} chosen=${chosen} onPick=${pick} />`}
      <label class="visually-hidden" for="composer">${isPrivate ? t('Write a note') : t('Write a reply to {name}', { name: contactName(peek(id) ?? { contact_identifier: '' }) })}</label>
      <textarea id="composer" ref=${box} rows="2" dir="auto" value=${text} maxlength=${MOST_TEXT} aria-controls=${menu ? 'canned-menu' : null} aria-activedescendant=${menu ? `canned-${chosen}` : null}
        placeholder=${isPrivate ? t('A note that only colleagues see; @name tells somebody') : t('Write a reply; / for canned responses')}
        onInput=${(e) => edit(e.target.value, e.target.selectionStart)} onKeyDown=${onKeyDown}
        onPaste=${(e) => { if (e.clipboardData.files.length) { e.preventDefault(); attach(e.clipboardData.files); } }}></textarea>
    </div>
    ${macro && html`<p class="macro">${t('On sending, the macro also sets: {what}', { what: macroWords(macro.actions) })} <button type="button" class="link" onClick=${() => setMacro(null)}>${t('Only the text')}</button></p>`}
    ${attached.length > 0 && html`<ul class="attached">${attached.map((a) => html`<li key=${a.key} class=${a.state}>${a.name} · ${size(a.size)} ${a.state === 'uploading' ? '…' : a.state === 'failed' ? html`<span class="problem">${a.problem}</span>` : ''}
      <button type="button" class="icon" aria-label=${t('Remove {name}', { name: a.name })} onClick=${() => setAttached(attached.filter((x) => x !== a))}>×</button></li>`)}</ul>`}
    <div class="composer-end">
      <input type="file" multiple hidden ref=${files} onChange=${(e) => { attach(e.target.files); e.target.value = ''; }} />
      <button type="button" class="icon" aria-label=${t('Attach files')} title=${t('Attach files')} onClick=${() => files.current.click()}><${Icon} name="clip" /></button>
      <button type="button" class="icon" aria-label=${t('Emoji')} aria-expanded=${emoji} title=${t('Emoji')} onClick=${() => setEmoji(!emoji)}><${Icon} name="smile" /></button>
      <button type="button" class="icon" aria-label=${t('Canned responses')} title=${t('Canned responses')} onClick=${() => { edit(text ? `${text} /` : '/'); box.current.focus(); }}><${Icon} name="canned" /></button>
      <div class="suggestion-slot"><${SuggestButton} id=${id} text=${isPrivate ? '' : text} /></div>
      <button type="submit" class="primary" disabled=${!canSend}>${isPrivate ? t('Add note') : t('Send')}</button>
    </div>
    ${emoji && html`<div class="emoji" role="group" aria-label=${t('Emoji')}>${EMOJI.map((e) => html`<button type="button" key=${e} onClick=${() => { const at = box.current.selectionStart; edit(text.slice(0, at) + e + text.slice(at), 0); box.current.focus(); }}>${e}</button>`)}</div>`}
  </form>`;
}

export function macroWords(actions) {
  return [actions.status && t('status: {status}', { status: STATUS()[actions.status] }), actions.priority && t('priority: {priority}', { priority: PRIORITY()[actions.priority] }),
    actions.add_labels?.length && t('labels: {labels}', { labels: actions.add_labels.join(', ') }), actions.team_id && t('team')].filter(Boolean).join(' · ');
}

async function applyMacro(id, response) {
  try {
    await api.post(`/v1/canned-responses/${response.id}/apply`, { conversation_id: id });
  } catch (error) {
    complain(error);
  }
}

/** An unsent message back into the composer. */
export function editUnsent(id, key) {
  const found = discard(id, key);
  if (found) compose({ text: found.content, isPrivate: found.isPrivate });
}
