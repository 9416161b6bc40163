// Bot rules, in the order in which they are tried, and a dry run that says which one would match and why.
import { html, useEffect, useRef, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';
import { attempt } from '../data/toasts.js';
import { CHANNELS, PRIORITIES, PRIORITY } from '../basics/format.js';
import { teams } from '../data/people.js';
import { change, Choice, Field, Remove, Table, useList, value, words } from './parts.js';

const TRIGGERS = () => [['keyword', t('Keywords')], ['time_based', t('Time of day')], ['channel', t('Channel')], ['new_conversation', t('New conversation')], ['fallback', t('When nothing else matches')]];
const without = (object) => Object.fromEntries(Object.entries(object).filter(([, v]) => v !== '' && v !== null && v !== undefined && !(Array.isArray(v) && !v.length)));

function Form({ edited, list, onDone }) {
  const c = edited?.conditions ?? {};
  const a = edited?.actions ?? {};
  async function save(e) {
    e.preventDefault();
    const form = e.target;
    const v = (name) => value(form, name);
    const known = ['keywords', 'match_mode', 'channels', 'languages', 'time_range'];
    const knownActions = ['reply_text', 'assign_team_id', 'assign_strategy', 'set_labels', 'set_priority', 'collect_info', 'assist'];
    const rest = (object, names) => Object.fromEntries(Object.entries(object).filter(([k]) => !names.includes(k)));
    const keywords = words(v('keywords'));
    const body = {
      name: v('name'), trigger_type: v('trigger_type'), priority: Number(v('priority')), is_active: form.elements.is_active.checked,
      conditions: { ...rest(c, known), ...without({ keywords, match_mode: keywords.length ? v('match_mode') : '', channels: words(v('channels')), languages: words(v('languages')), time_range: v('start') && v('end') ? { start: v('start'), end: v('end'), tz: v('tz') || 'UTC' } : null }) },
      actions: { ...rest(a, knownActions), ...without({ reply_text: v('reply_text'), assign_team_id: v('team'), assign_strategy: v('team') ? v('strategy') : '', set_labels: words(v('labels')), set_priority: v('set_priority'), collect_info: words(v('collect_info')), assist: form.elements.assist.checked ? { ...a.assist, ...without({ instruction: v('instruction'), confidence_min: v('confidence_min') === '' ? null : Number(v('confidence_min')) }) } : null }) },
    };
    if (await change(list, () => (edited ? api.patch(`/v1/bot-rules/${edited.id}`, body) : api.post('/v1/bot-rules', body)))) { form.reset(); onDone(); }
  }
  const none = ['', t('unchanged')];
  const form = useRef(null);
  useEffect(() => { if (edited) form.current.elements[0].focus(); }, [edited]); // it is below the list
  return html`<form ref=${form} onSubmit=${save} key=${edited?.id ?? 'new'}><h2>${edited ? t('Change {name}', { name: edited.name }) : t('New rule')}</h2>
    <${Field} label=${t('Name')} name="name" required maxlength="255" value=${edited?.name} /><${Choice} label=${t('Trigger')} name="trigger_type" value=${edited?.trigger_type ?? 'keyword'} options=${TRIGGERS()} />
    <${Field} label=${t('Order; the lowest runs first')} name="priority" type="number" value=${edited?.priority ?? 100} />
    <label class="check"><input type="checkbox" name="is_active" checked=${edited?.is_active ?? true} />${t('Active')}</label>
    <fieldset><legend>${t('If all of these apply')}</legend><${Field} label=${t('Keywords, comma separated')} name="keywords" value=${(c.keywords ?? []).join(', ')} /><${Choice} label=${t('Match')} name="match_mode" value=${c.match_mode ?? 'any'} options=${[['any', t('any of them')], ['all', t('all of them')]]} />
      <${Field} label=${t('Channels: {names}', { names: Object.keys(CHANNELS).join(', ') })} name="channels" value=${(c.channels ?? []).join(', ')} /><${Field} label=${t('Languages, as en, am')} name="languages" value=${(c.languages ?? []).join(', ')} />
      <div class="inline"><${Field} label=${t('From')} name="start" type="time" value=${c.time_range?.start} /><${Field} label=${t('Until')} name="end" type="time" value=${c.time_range?.end} /><${Field} label=${t('Time zone')} name="tz" value=${c.time_range?.tz ?? ''} /></div></fieldset>
    <fieldset><legend>${t('Then')}</legend><label>${t('Answer')}<textarea name="reply_text" rows="3">${a.reply_text}</textarea></label><${Choice} label=${t('Team')} name="team" value=${a.assign_team_id ?? ''} options=${[none, ...teams.value.map((x) => [x.id, x.name])]} />
      <${Choice} label=${t('How the team gets it')} name="strategy" value=${a.assign_strategy ?? 'least_busy'} options=${[['least_busy', t('least busy')], ['round_robin', t('in turn')], ['manual_queue', t('by hand')]]} /><${Field} label=${t('Labels, comma separated')} name="labels" value=${(a.set_labels ?? []).join(', ')} />
      <${Choice} label=${t('Priority')} name="set_priority" value=${a.set_priority ?? ''} options=${[none, ...PRIORITIES.map((p) => [p, PRIORITY()[p]])]} /><${Field} label=${t('Fields to ask for, comma separated')} name="collect_info" value=${(a.collect_info ?? []).join(', ')} />
      <label class="check"><input type="checkbox" name="assist" checked=${Boolean(a.assist)} />${t('A language model answers from the public articles')}</label><label>${t('How the bot should sound')}<textarea name="instruction" rows="2" maxlength="4000">${a.assist?.instruction}</textarea></label>
      <${Field} label=${t('How sure the bot must be, from 0 to 1')} name="confidence_min" type="number" min="0" max="1" step="0.05" value=${a.assist?.confidence_min ?? (a.assist ? 0.5 : '')} /></fieldset>
    <p><button class="primary">${t('Save')}</button>${edited && html` <button type="button" onClick=${onDone}>${t('Cancel')}</button>`}</p></form>`;
}

function DryRun() {
  const [found, setFound] = useState(null);
  const run = async (e) => { e.preventDefault(); const form = e.target; setFound(await attempt(() => api.post('/v1/bot-rules/test', { content: value(form, 'content'), channel_type: value(form, 'channel_type') })) ?? null); };
  return html`<section aria-labelledby="dry-title"><h2 id="dry-title">${t('Dry run')}</h2><form onSubmit=${run}><${Field} label=${t('A customer writes')} name="content" required /><${Choice} label=${t('Channel')} name="channel_type" value="webchat" options=${Object.entries(CHANNELS).map(([k, v]) => [k, t(v)])} /><button>${t('Try')}</button></form>
    ${found && html`<div data-dry-run><ul>${found.rules.map((r) => html`<li key=${r.rule_id}><b>${r.name}</b>: ${r.matched ? t('matches') : t('does not match')} – ${r.reasons.join(', ')}</li>`)}</ul><p>${found.actions ? t('What would happen:') : t('Nothing would happen.')}</p>${found.actions && html`<pre>${JSON.stringify(found.actions, null, 2)}</pre>`}</div>`}</section>`;
}

export default function BotRules() {
  const list = useList('/v1/bot-rules');
  const [edited, setEdited] = useState(null);
  return html`<h1>${t('Bot rules')}</h1><${DryRun} />
    <${Table} label=${t('Bot rules')} list=${list} columns=${[[t('Order'), (x) => x.priority], [t('Name'), (x) => x.name], [t('Trigger'), (x) => TRIGGERS().find(([k]) => k === x.trigger_type)?.[1] ?? x.trigger_type], [t('Active'), (x) => html`<input type="checkbox" aria-label=${t('{name} is on', { name: x.name })} checked=${x.is_active} onChange=${(e) => change(list, () => api.patch(`/v1/bot-rules/${x.id}`, { is_active: e.target.checked }))} />`], ['', (x) => html`<button type="button" onClick=${() => setEdited(x)}>${t('Change')}</button> <${Remove} what=${x.name} path=${`/v1/bot-rules/${x.id}`} list=${list} />`]]} />
    <${Form} edited=${edited} list=${list} onDone=${() => setEdited(null)} />`;
}
