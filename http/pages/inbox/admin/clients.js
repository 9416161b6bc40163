// API clients: machines that call the API.
import { html, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';
import { when } from '../basics/format.js';
import { Field, Form, Remove, Secret, Table, useList, value } from './parts.js';

export default function Clients() {
  const list = useList('/v1/api-clients');
  const [made, setMade] = useState(null);
  const create = async (form) => { setMade(await api.post('/v1/api-clients', { name: value(form, 'name') })); list.reload(); };
  return html`<h1>${t('API clients')}</h1>${made ? html`<${Secret} title=${t('New API client')} values=${{ client_id: made.client_id, client_secret: made.client_secret }} onClose=${() => setMade(null)} />` : html`<${Form} onSubmit=${create}><${Field} label=${t('Name')} name="name" required maxlength="255" /><button class="primary">${t('Create a client')}</button><//>`}
    <${Table} label=${t('API clients')} list=${list} columns=${[[t('Name'), (x) => x.name], ['client_id', (x) => x.client_id ?? x.id], [t('Created'), (x) => when(x.created_at)], [t('Last used'), (x) => when(x.last_used_at) || '–'], ['', (x) => html`<${Remove} what=${x.name} path=${`/v1/api-clients/${x.client_id ?? x.id}`} list=${list} />`]]} />`;
}
