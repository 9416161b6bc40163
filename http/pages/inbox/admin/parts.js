// What the admin pages share: paged lists, tables, forms that tell the server's words.
import { html, useEffect, useState } from '../basics/ui.js';
import { copy } from '../basics/browser.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';
import { attempt, say } from '../data/toasts.js';

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

export function Remove({ what, path, list }) {
  return html`<button type="button" class="danger" onClick=${() => confirm(t('Delete {what}?', { what })) && change(list, () => api.delete(path))}>${t('Delete')}</button>`;
}

export const words = (text) => text.split(',').map((word) => word.trim()).filter(Boolean);
export const value = (form, name) => form.elements.namedItem(name).value.trim();

export function Field({ label, name, ...rest }) {
  return html`<label>${label}<input name=${name} ...${rest} /></label>`;
}

export function Choice({ label, name, options, value: chosen, ...rest }) {
  return html`<label>${label}<select name=${name} value=${chosen} ...${rest}>${options.map(([key, text]) => html`<option key=${key} value=${key} selected=${key === chosen}>${text}</option>`)}</select></label>`;
}

export const copied = async (text) => say(await copy(text) ? t('Copied.') : t('Select the text and copy it.'));

/** A value that is shown this once. */
export function Secret({ title, values, onClose }) {
  return html`<div class="secret" role="alert"><h2>${title}</h2><p>${t('This is shown once. Copy it now.')}</p><dl>${Object.entries(values).map(([name, text]) => html`<dt>${name}</dt><dd><code>${text}</code> <button type="button" class="link" onClick=${() => copied(text)}>${t('Copy')}</button></dd>`)}</dl>
    <button type="button" onClick=${onClose}>${t('I have copied it')}</button></div>`;
}
