// Canned responses, and macros: those that also change the conversation.
import { html, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';
import { macroWords } from '../thread/composer.js';
import { PRIORITIES, PRIORITY } from '../basics/format.js';
import { loadCanned, teams } from '../data/people.js';
import { Area, Choice, Field, Form, made, Remove, Table, useList, value, words } from './parts.js';

function Editor({ edited, list, onDone }) {
  async function save(form) {
    const actions = { status: value(form, 'status') || null, priority: value(form, 'priority') || null, add_labels: words(value(form, 'labels')), team_id: value(form, 'team') || null };
    const isMacro = actions.status || actions.priority || actions.add_labels.length || actions.team_id;
    const body = { short_code: value(form, 'short_code'), title: value(form, 'title'), content: form.elements.content.value, category: value(form, 'category') || null, actions: isMacro ? actions : null };
    await made(list, () => (edited ? api.patch(`/v1/canned-responses/${edited.id}`, body) : api.post('/v1/canned-responses', body)), t('Saved.'));
    form.reset();
    onDone();
    loadCanned();
  }
  const a = edited?.actions ?? {};
  const none = ['', t('unchanged')];
  return html`<${Form} onSubmit=${save} key=${edited?.id ?? 'new'} focus=${Boolean(edited)}><h2>${edited ? t('Change {name}', { name: edited.short_code }) : t('New canned response')}</h2>
    <${Field} label=${t('Short code, as /refund')} name="short_code" required maxlength="100" pattern="\\S+" value=${edited?.short_code} /><${Field} label=${t('Title')} name="title" required maxlength="255" value=${edited?.title} /><${Field} label=${t('Category')} name="category" maxlength="100" value=${edited?.category} />
    <${Area} label=${t('Text; {{contact_name}}, {{agent_name}} and {{conversation_id}} are filled in')} name="content" rows="4" required value=${edited?.content} />
    <fieldset><legend>${t('As a macro it also sets')}</legend>
      <${Choice} label=${t('Status')} name="status" path="actions.status" value=${a.status ?? ''} options=${[none, ['pending', t('Pending')], ['resolved', t('Resolved')]]} /><${Choice} label=${t('Priority')} name="priority" path="actions.priority" value=${a.priority ?? ''} options=${[none, ...PRIORITIES.map((p) => [p, PRIORITY()[p]])]} />
      <${Field} label=${t('Labels to add, comma separated')} name="labels" path="actions.add_labels" value=${(a.add_labels ?? []).join(', ')} /><${Choice} label=${t('Team')} name="team" path="actions.team_id" value=${a.team_id ?? ''} options=${[none, ...teams.value.map((x) => [x.id, x.name])]} /></fieldset>
    <p><button class="primary">${t('Save')}</button>${edited && html` <button type="button" onClick=${onDone}>${t('Cancel')}</button>`}</p><//>`;
}

export default function Canned() {
  const list = useList('/v1/canned-responses');
  const [edited, setEdited] = useState(null);
  return html`<h1>${t('Canned responses')}</h1><${Table} label=${t('Canned responses')} list=${list} columns=${[[t('Short code'), (x) => x.short_code], [t('Title'), (x) => x.title], [t('Text'), (x) => x.content.slice(0, 160)], [t('Macro'), (x) => (x.actions ? macroWords(x.actions) : '')], ['', (x) => html`<button type="button" onClick=${() => setEdited(x)}>${t('Change')}</button> <${Remove} what=${x.short_code} path=${`/v1/canned-responses/${x.id}`} list=${list} />`]]} />
    <${Editor} edited=${edited} list=${list} onDone=${() => setEdited(null)} />`;
}
