// Teams and their members.
import { html, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';
import { agents, loadTeams, nameOf } from '../data/people.js';
import { change, Choice, Field, Form, made, Remove, Table, useList, value } from './parts.js';

const bodyOf = (form) => ({ name: value(form, 'name'), description: value(form, 'description') || null });

function Members({ team }) {
  const list = useList(`/v1/teams/${team.id}/members`);
  const members = new Set((list.items ?? []).map((m) => m.user_id));
  const others = [...agents.value.values()].filter((a) => !members.has(a.user_id));
  const add = (form) => made(list, () => api.post(`/v1/teams/${team.id}/members`, { user_id: value(form, 'user_id') }));
  return html`<ul>${(list.items ?? []).map((m) => html`<li key=${m.user_id}>${m.name ?? nameOf(m.user_id)} <button type="button" class="link" aria-label=${t('Remove {name}', { name: m.name ?? nameOf(m.user_id) })} onClick=${() => change(list, () => api.delete(`/v1/teams/${team.id}/members/${encodeURIComponent(m.user_id)}`))}>${t('Remove')}</button></li>`)}</ul>
    ${others.length > 0 && html`<${Form} class="inline" onSubmit=${add}><${Choice} label=${t('Agent')} name="user_id" options=${others.map((a) => [a.user_id, a.name ?? a.user_id])} /><button>${t('Add')}</button><//>`}`;
}

function Change({ team, list, onDone }) {
  const save = async (form) => { await made(list, () => api.patch(`/v1/teams/${team.id}`, bodyOf(form)), t('Saved.')); loadTeams(); onDone(); };
  return html`<${Form} onSubmit=${save} focus><h2>${t('Change {name}', { name: team.name })}</h2><${Field} label=${t('Name')} name="name" required maxlength="255" value=${team.name} /><${Field} label=${t('Description')} name="description" value=${team.description ?? ''} />
    <p><button class="primary">${t('Save')}</button> <button type="button" onClick=${onDone}>${t('Cancel')}</button></p><//>`;
}

export default function Teams() {
  const list = useList('/v1/teams');
  const [opened, setOpened] = useState(null);
  const [edited, setEdited] = useState(null);
  const create = async (form) => { await made(list, () => api.post('/v1/teams', bodyOf(form))); form.reset(); loadTeams(); };
  return html`<h1>${t('Teams')}</h1>
    ${edited ? html`<${Change} key=${edited.id} team=${edited} list=${list} onDone=${() => setEdited(null)} />` : html`<${Form} onSubmit=${create}><${Field} label=${t('Name')} name="name" required maxlength="255" /><${Field} label=${t('Description')} name="description" /><button class="primary">${t('Create a team')}</button><//>`}
    <${Table} label=${t('Teams')} list=${list} columns=${[[t('Name'), (x) => x.name], [t('Description'), (x) => x.description ?? ''], [t('Members'), (x) => html`<button type="button" aria-expanded=${opened === x.id} onClick=${() => setOpened(opened === x.id ? null : x.id)}>${t('Members')}</button>${opened === x.id && html`<${Members} team=${x} />`}`],
      ['', (x) => html`<button type="button" aria-label=${t('Change {name}', { name: x.name })} onClick=${() => setEdited(x)}>${t('Change')}</button> <${Remove} what=${x.name} path=${`/v1/teams/${x.id}`} list=${list} />`]]} />`;
}
