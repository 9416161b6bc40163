// What is known about the conversation on screen and its customer, and the rarer actions.
import { html, useEffect, useRef, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import * as act from '../data/actions.js';
import { api } from '../data/api.js';
import { attempt, say } from '../data/toasts.js';
import { can, user } from '../data/session.js';
import { CHANNELS, contactName, FORM_FIELDS, full, isErased, PRIORITIES, PRIORITY, when } from '../basics/format.js';
import { channelName, nameOf, teams } from '../data/people.js';
import { conversation, putAll } from '../data/conversations.js';
import { openConversation } from '../basics/router.js';
import { pickAgent, pickLabel, pickTeam } from '../keys.js';
import { Why } from './why.js';

function ContactCard({ c }) {
  const [contact, setContact] = useState(null);
  const [others, setOthers] = useState([]);
  const [name, setName] = useState(null);
  useEffect(() => {
    attempt(() => api.get(`/v1/contacts/${c.contact_id}`)).then((found) => found && setContact(found));
    attempt(() => api.get('/v1/conversations', { contact_id: c.contact_id, limit: 20 })).then((page) => { if (page) { putAll(page.items); setOthers(page.items.filter((o) => o.id !== c.id)); } });
  }, [c.contact_id]);
  async function rename(event) {
    event.preventDefault();
    const made = await attempt(() => api.patch(`/v1/contacts/${c.contact_id}`, { name: name.trim() || null }));
    if (made) { setContact(made); setName(null); }
  }
  return html`<section aria-labelledby="contact-title"><h2 id="contact-title">${t('Customer')}</h2>
    ${name === null ? html`<p class="contact-name" dir="auto">${contact?.name ?? contactName(c)} <button type="button" class="link" onClick=${() => setName(contact?.name ?? c.contact_name ?? '')}>${t('Rename')}</button></p>`
      : html`<form class="inline" onSubmit=${rename}><input aria-label=${t('Name')} value=${name} maxlength="255" onInput=${(e) => setName(e.target.value)} /><button>${t('Save')}</button></form>`}
    <dl>${(contact?.identifiers ?? []).map((i) => html`<dt key=${i.id}>${t(CHANNELS[i.channel_type] ?? i.channel_type)}</dt><dd>${i.identifier}</dd>`)}
      ${Object.entries(contact?.attributes ?? {}).map(([k, v]) => html`<dt key=${k}>${k}</dt><dd>${typeof v === 'string' ? v : JSON.stringify(v)}</dd>`)}</dl>
    ${others.length > 0 && html`<h3>${t('Other conversations')}</h3><ul class="others">${others.map((o) => html`<li key=${o.id}><button type="button" class="link" onClick=${() => openConversation(o.id)}>${when(o.last_message_at ?? o.created_at)} · ${o.last_message_preview?.slice(0, 60) || o.subject || t(CHANNELS[o.channel_type] ?? o.channel_type)}</button></li>`)}</ul>`}
    <${ContactActions} c=${c} contact=${contact} />
  </section>`;
}

function ContactActions({ c, contact }) {
  const [merging, setMerging] = useState(null);
  const typing = useRef(0);
  function search(text) {
    clearTimeout(typing.current);
    if (!text.trim()) return;
    const mine = setTimeout(async () => {
      const page = await attempt(() => api.get('/v1/contacts', { q: text, limit: 10 }));
      if (mine === typing.current) setMerging({ found: (page?.items ?? []).filter((x) => x.id !== c.contact_id && !x.merged_into) });
    }, 250);
    typing.current = mine;
  }
  async function exportAll() {
    const blob = await attempt(() => api.file(`/v1/contacts/${c.contact_id}/export`));
    if (!blob) return;
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = `contact-${c.contact_id}.json`;
    link.click();
    URL.revokeObjectURL(link.href);
  }
  async function erase() {
    if (!confirm(t('Erase {name} for good? Messages, files and names are deleted and cannot be brought back.', { name: contact?.name ?? contactName(c) }))) return;
    if (await attempt(() => api.post(`/v1/contacts/${c.contact_id}/erase`).then(() => true))) say(t('Erased.'));
  }
  async function merge(other) {
    if (!confirm(t('Merge into {name}? This cannot be undone.', { name: other.name ?? other.identifiers[0]?.identifier ?? other.id }))) return;
    if (await attempt(() => api.post(`/v1/contacts/${c.contact_id}/merge`, { into: other.id }))) { setMerging(null); say(t('Merged.')); }
  }
  return html`<p class="row-actions">
    ${can('lead') && html`<button type="button" aria-expanded=${Boolean(merging)} onClick=${() => setMerging(merging ? null : { found: null })}>${t('Merge …')}</button>`}
    ${can('admin') && html`<button type="button" onClick=${exportAll}>${t('Export')}</button><button type="button" class="danger" onClick=${erase}>${t('Erase …')}</button>`}</p>
    ${merging && html`<div class="merge"><label>${t('Find the same customer')} <input type="search" onInput=${(e) => search(e.target.value)} /></label>
      ${merging.found?.length === 0 && html`<p role="status">${t('Nothing was found.')}</p>`}
      <ul>${(merging.found ?? []).map((x) => html`<li key=${x.id}><button type="button" class="link" onClick=${() => merge(x)}>${x.name ?? '–'} · ${x.identifiers.map((i) => i.identifier).join(', ')}</button></li>`)}</ul></div>`}`;
}

/** What the customer wrote into the widget's form. */
function FilledForm({ form }) {
  if (!form || typeof form !== 'object') return null;
  const words = FORM_FIELDS();
  return html`<section aria-labelledby="form-title"><h2 id="form-title">${t('Form')}</h2><dl>${Object.entries(form).map(([name, text]) => html`<dt key=${name}>${words[name] ?? name}</dt><dd dir="auto">${String(text)}</dd>`)}</dl></section>`;
}

const LIVE = new Set(['open', 'bot', 'assigned', 'pending']);
/** A time as an input of the type datetime-local takes it. */
const localTime = (text) => { if (!text) return ''; const at = new Date(text); return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16); };

export function Details({ id }) {
  const c = conversation(id)?.value;
  if (!c) return null;
  const mine = c.assignee_id === user.value.userId;
  return html`<aside class="details" aria-label=${t('Details')}>
    <section aria-labelledby="conversation-title"><h2 id="conversation-title">${t('Conversation')}</h2>
      <dl class="fields">
        <dt>${t('Agent')}</dt><dd>${c.assignee_id ? nameOf(c.assignee_id) : t('nobody')} <button type="button" class="link" onClick=${() => pickAgent(id)}>${t('Assign …')}</button></dd>
        <dt>${t('Team')}</dt><dd>${can('lead') ? html`<button type="button" class="link" onClick=${() => pickTeam(id)}>${teams.value.find((x) => x.id === c.team_id)?.name ?? t('Choose …')}</button>` : teams.value.find((x) => x.id === c.team_id)?.name ?? '–'}</dd>
        <dt><label for="priority">${t('Priority')}</label></dt><dd><select id="priority" value=${c.priority} onChange=${(e) => act.change(id, { priority: e.target.value })}>${PRIORITIES.map((p) => html`<option key=${p} value=${p}>${PRIORITY()[p]}</option>`)}</select></dd>
        <dt>${t('Labels')}</dt><dd>${c.labels.map((l) => html`<span class="label" key=${l}>${l} <button type="button" aria-label=${t('Remove label {label}', { label: l })} onClick=${() => act.change(id, { labels: c.labels.filter((x) => x !== l) })}>×</button></span>`)} <button type="button" class="link" onClick=${() => pickLabel(id)}>${t('Add …')}</button></dd>
        ${LIVE.has(c.status) && html`<dt><label for="snoozed">${t('Snoozed until')}</label></dt><dd><input id="snoozed" type="datetime-local" value=${localTime(c.snoozed_until)} onChange=${(e) => act.snooze(id, e.target.value ? new Date(e.target.value) : null)} /></dd>`}
        <dt>${t('Channel')}</dt><dd>${channelName(c.channel_id) ?? t(CHANNELS[c.channel_type] ?? c.channel_type)}</dd>
        ${c.subject && html`<dt>${t('Subject')}</dt><dd dir="auto">${c.subject}</dd>`}
        ${c.handoff_requested && html`<dt>${t('Asked for a human')}</dt><dd dir="auto">${c.handoff_reason}</dd>`}
        <dt>${t('Opened')}</dt><dd>${full(c.created_at)}</dd>
        ${c.first_reply_at && html`<dt>${t('First reply')}</dt><dd>${full(c.first_reply_at)}</dd>`}
        ${Object.entries(c.bot_context ?? {}).map(([k, v]) => html`<dt key=${k}>${k}</dt><dd dir="auto">${typeof v === 'string' ? v : JSON.stringify(v)}</dd>`)}
      </dl>
      <p class="row-actions">
        ${c.status !== 'bot' && ['open', 'assigned', 'pending'].includes(c.status) && (mine || can('lead')) && html`<button type="button" onClick=${() => act.handBack(id)}>${t('Hand back to the bot')}</button>`}
        ${['open', 'bot'].includes(c.status) && html`<button type="button" onClick=${() => act.handOff(id, t('requested by an agent'))}>${t('Hand off')}</button>`}
        <button type="button" onClick=${() => act.change(id, { archived: !c.archived_at })}>${c.archived_at ? t('Unarchive') : t('Archive')}</button>
        ${!['closed', 'expired'].includes(c.status) && html`<button type="button" class="danger" onClick=${() => confirm(t('Close for good? The next message opens a new conversation.')) && act.change(id, { status: 'closed' })}>${t('Close')}</button>`}
      </p>
    </section>
    <${FilledForm} form=${c.metadata?.form} />
    <${Why} c=${c} />
    ${isErased(c) ? html`<section aria-labelledby="contact-title"><h2 id="contact-title">${t('Customer')}</h2><p>${t('The customer’s messages, files and names were erased.')}</p></section>` : html`<${ContactCard} c=${c} />`}
  </aside>`;
}
