// Teams and their members.
import { html, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';
import { agents, loadTeams, nameOf } from '../data/people.js';
import { change, Choice, Field, Remove, Table, useList, value } from './parts.js';

function Members({ team }) {
  const list = useList(`/v1/teams/${team.id}/members`);
  const add = (e) => { e.preventDefault(); change(list, () => api.post(`/v1/teams/${team.id}/members`, { user_id: value(e.target, 'agent') })); };
  return html`<ul>${(list.items ?? []).map((m) => html`<li key=${m.user_id}>${m.name ?? nameOf(m.user_id)} <button type="button" class="link" onClick=${() => change(list, () => api.delete(`/v1/teams/${team.id}/members/${encodeURIComponent(m.user_id)}`))}>${t('Remove')}</button></li>`)}</ul>
    <form class="inline" onSubmit=${add}><${Choice} label=${t('Agent')} name="agent" options=${[...agents.value.values()].map((a) => [a.user_id, a.name ?? a.user_id])} /><button>${t('Add')}</button></form>`;
}

export default function Teams() {
  const list = useList('/v1/teams');
  const [opened, setOpened] = useState(null);
  const create = async (e) => {
    e.preventDefault();
    const form = e.target;
    if (await change(list, () => api.post('/v1/teams', { name: value(form, 'name'), description: value(form, 'description') || null }))) { form.reset(); loadTeams(); }
  };
  return html`<h1>${t('Teams')}</h1>
    <form onSubmit=${create}><${Field} label=${t('Name')} name="name" required maxlength="255" /><${Field} label=${t('Description')} name="description" /><button class="primary">${t('Create a team')}</button></form>
    <${Table} label=${t('Teams')} list=${list} columns=${[[t('Name'), (x) => x.name], [t('Description'), (x) => x.description ?? ''], [t('Members'), (x) => html`<button type="button" aria-expanded=${opened === x.id} onClick=${() => setOpened(opened === x.id ? null : x.id)}>${t('Members')}</button>${opened === x.id && html`<${Members} team=${x} />`}`], ['', (x) => html`<${Remove} what=${x.name} path=${`/v1/teams/${x.id}`} list=${list} />`]]} />`;
}
