// What the admin pages share: paged lists, tables, forms that tell the server's words.
import { createContext, html, useContext, useEffect, useId, useRef, useState } from '../basics/ui.js';
import { copy } from '../basics/browser.js';
import { t } from '../basics/i18n.js';
import { api, Problem } from '../data/api.js';
import { attempt, complain, say } from '../data/toasts.js';

/** A paged list: {items, more, loadMore, reload, failed}. */
export function useList(path, query = {}) {
  const [state, setState] = useState({ items: null, cursor: null });
  const [failed, setFailed] = useState(null);
  const key = JSON.stringify(query);
  async function load(cursor = null, before = []) {
    try {
      const page = await api.get(path, { limit: 50, ...query, cursor });
      setState({ items: [...before, ...page.items], cursor: page.next_cursor ?? null, total: page.total });
      setFailed(null);
    } catch (error) {
      setFailed(error);
    }
  }
  useEffect(() => { load(); }, [path, key]);
  return { ...state, failed, reload: () => load(), loadMore: () => load(state.cursor, state.items) };
}

export function Table({ label, list, columns, empty }) {
  if (list.failed) return html`<p class="problem" role="alert">${list.failed.message} <button type="button" onClick=${list.reload}>${t('Try again')}</button></p>`;
  if (!list.items) return html`<p class="loading" role="status">${t('Loading …')}</p>`;
  if (!list.items.length) return html`<p class="empty">${empty ?? t('Nothing here yet.')}</p>`;
  return html`<div class="table-box" tabindex="0" role="region" aria-label=${label}><table><thead><tr>${columns.map(([name]) => html`<th scope="col" key=${name}>${name}</th>`)}</tr></thead>
    <tbody>${list.items.map((item) => html`<tr key=${item.id ?? item.user_id ?? item.conversation_id ?? item.message_id}>${columns.map(([name, cell]) => html`<td key=${name}>${cell(item)}</td>`)}</tr>`)}</tbody></table></div>
    ${list.cursor && html`<p><button type="button" onClick=${list.loadMore}>${t('Show more')}</button></p>`}`;
}

/** Run, say so, and reload. */
export async function change(list, action, done = null) {
  const made = await attempt(async () => (await action()) ?? true);
  if (made) { if (done) say(done); list.reload(); }
  return made;
}

/** Run in a `Form`, which tells what went wrong; then say so, and reload. */
export async function made(list, action, done = null) {
  const found = await action();
  if (done) say(done);
  list.reload();
  return found;
}

export function Remove({ what, path, list }) {
  return html`<button type="button" class="danger" onClick=${() => confirm(t('Delete {what}?', { what })) && change(list, () => api.delete(path))}>${t('Delete')}</button>`;
}

export const words = (text) => text.split(',').map((word) => word.trim()).filter(Boolean);
export const value = (form, name) => form.elements.namedItem(name).value.trim();
/** A number field's value, null if it is empty. */
export const amount = (form, name) => (value(form, name) === '' ? null : Number(value(form, name)));
export const isChecked = (form, name) => form.elements.namedItem(name).checked;

// -- forms: what the server says of a field is shown at that field

const Faults = createContext({});
const NO_FAULTS = { at: {}, other: [] };

/** The messages by the field that shows them: the one whose path is the longest beginning of the message's. */
function placed(form, errors) {
  const paths = [...form.querySelectorAll('[data-path]')].map((field) => field.dataset.path);
  const found = { at: {}, other: [] };
  for (const { path, message } of errors) {
    const [place] = paths.filter((p) => path === p || path.startsWith(`${p}.`) || path.startsWith(`${p}[`)).sort((a, b) => b.length - a.length);
    if (place) found.at[place] ??= message;
    else found.other.push(path ? `${path}: ${message}` : message);
  }
  return found;
}

/** `onSubmit(form)` throws what the server answers; it is shown at the fields, or below them. Fields keep what was typed. `focus`: it has the
 * focus while it is shown, and gives it back. `of`: what the fields show; another one draws them anew (not with `Rows` or a `Choice` in it). */
export function Form({ onSubmit, of, focus = false, children, ...rest }) {
  const box = useRef(null);
  const isBusy = useRef(false);
  const [faults, setFaults] = useState(NO_FAULTS);
  async function submit(event) {
    event.preventDefault();
    if (isBusy.current) return;
    isBusy.current = true;
    try {
      await onSubmit(box.current);
      setFaults(NO_FAULTS);
    } catch (error) {
      if (error instanceof Problem && error.errors.length) setFaults(placed(box.current, error.errors));
      else { setFaults(NO_FAULTS); complain(error); }
    } finally {
      isBusy.current = false;
    }
  }
  useEffect(() => { if (of) box.current.reset(); }, [of]);
  useEffect(() => { box.current?.querySelector('[aria-invalid="true"]')?.focus(); }, [faults]);
  useEffect(() => {
    if (!focus) return undefined;
    const before = document.activeElement;
    box.current.querySelector('input, select, textarea').focus();
    return () => { if (before?.isConnected) before.focus(); };
  }, []);
  return html`<form ref=${box} onSubmit=${submit} ...${rest}><${Faults.Provider} value=${faults.at}>${children}<//>
    ${faults.other.length > 0 && html`<p class="problem" role="alert">${t('The server did not accept this:')} <span dir="auto">${faults.other.join('; ')}</span></p>`}</form>`;
}

/** What the server said of the field at `path`: attributes for the field, and the message below it. */
export function useFault(path) {
  const fault = useContext(Faults)[path];
  const id = useId();
  if (!fault) return [{ 'data-path': path }, null];
  return [{ 'data-path': path, 'aria-invalid': 'true', 'aria-describedby': id }, html`<small class="fault" id=${id} role="alert" dir="auto">${fault}</small>`];
}

/** What is typed into a field stays when the page is drawn anew; a field with a handler shows its `value`. */
const initial = ({ value: given, ...rest }) => (given === undefined || rest.onInput || rest.onChange || rest.readonly ? { value: given, ...rest } : { defaultValue: given, ...rest });

/** `path`: the field's place in the body that is sent, as the server names it. */
export function Field({ label, name, path = name, ...rest }) {
  const [attributes, fault] = useFault(path);
  return html`<label>${label}<input name=${name} ...${attributes} ...${initial(rest)} />${fault}</label>`;
}

export function Area({ label, name, path = name, value: given, ...rest }) {
  const [attributes, fault] = useFault(path);
  return html`<label>${label}<textarea name=${name} ...${attributes} ...${rest} defaultValue=${given ?? ''}></textarea>${fault}</label>`;
}

export function Check({ label, name, checked = false, ...rest }) {
  return html`<label class="check"><input type="checkbox" name=${name} defaultChecked=${checked} ...${rest} />${label}</label>`;
}

export function Choice({ label, name, path = name, options, value: chosen, ...rest }) {
  const [attributes, fault] = useFault(path);
  const isControlled = Boolean(rest.onChange);
  return html`<label>${label}<select name=${name} ...${attributes} ...${rest} ...${isControlled ? { value: chosen } : {}}>${options.map(([key, text]) => html`<option key=${key} value=${key} ...${isControlled ? { selected: key === chosen } : { defaultSelected: key === chosen }}>${text}</option>`)}</select>${fault}</label>`;
}

/** Rows that can be added and removed; `row(item, n)` draws one, without an item a new one. */
export function Rows({ items, most, add, remove, row }) {
  const [rows, setRows] = useState(() => items.map((item, n) => ({ id: n, item })));
  const box = useRef(null);
  const added = useRef(null);
  useEffect(() => { if (added.current !== null) box.current.querySelector(`[data-row="${added.current}"] :is(input, select)`)?.focus(); added.current = null; }, [rows]);
  function append() {
    added.current = Math.max(-1, ...rows.map((r) => r.id)) + 1;
    setRows([...rows, { id: added.current }]);
  }
  function without(id) {
    setRows(rows.filter((r) => r.id !== id));
    box.current.querySelector('[data-add]').focus();
  }
  return html`<div class="rows-of" ref=${box}>${rows.map((r, n) => html`<div class="row-of" key=${r.id} data-row=${r.id}>${row(r.item, n)}<button type="button" class="icon" aria-label=${`${remove} ${n + 1}`} title=${remove} onClick=${() => without(r.id)}>×</button></div>`)}
    <p><button type="button" data-add disabled=${rows.length >= most} onClick=${append}>${add}</button></p></div>`;
}

export const copied = async (text) => say(await copy(text) ? t('Copied.') : t('Select the text and copy it.'));

/** A value that is shown this once. */
export function Secret({ title, values, onClose }) {
  return html`<div class="secret" role="alert"><h2>${title}</h2><p>${t('This is shown once. Copy it now.')}</p><dl>${Object.entries(values).map(([name, text]) => html`<dt>${name}</dt><dd><code>${text}</code> <button type="button" class="link" onClick=${() => copied(text)}>${t('Copy')}</button></dd>`)}</dl>
    <button type="button" onClick=${onClose}>${t('I have copied it')}</button></div>`;
}
