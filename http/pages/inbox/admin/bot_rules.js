// Bot rules, in the order in which they are tried, and a dry run that says which one would match and why.
import { html, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';
import { CHANNELS, PRIORITIES, PRIORITY } from '../basics/format.js';
import { canned, teams } from '../data/people.js';
import { amount, Area, change, Check, Choice, Field, Form, isChecked, made, Remove, Table, useList, value, words } from './parts.js';

const TRIGGERS = () => [['keyword', t('Keywords')], ['time_based', t('Time of day')], ['channel', t('Channel')], ['new_conversation', t('New conversation')], ['fallback', t('When nothing else matches')]];
const without = (object) => Object.fromEntries(Object.entries(object).filter(([, v]) => v !== '' && v !== null && v !== undefined && !(Array.isArray(v) && !v.length)));

const KNOWN = ['keywords', 'match_mode', 'channels', 'languages', 'time_range', 'intent', 'confidence_min'];
const KNOWN_ACTIONS = ['reply_text', 'reply_template_id', 'assign_team_id', 'assign_strategy', 'set_labels', 'set_priority', 'collect_info', 'assist'];
const rest = (object, names) => Object.fromEntries(Object.entries(object).filter(([k]) => !names.includes(k)));

function bodyOf(form, c, a) {
  const v = (name) => value(form, name);
  const keywords = words(v('keywords'));
  const time = v('start') || v('end') ? { start: v('start'), end: v('end'), tz: v('tz') || 'UTC' } : null;
  const assist = isChecked(form, 'assist') ? { ...rest(a.assist ?? {}, ['sensitive_topics']), ...without({ instruction: v('instruction'), confidence_min: amount(form, 'assist_confidence'), sensitive_topics: words(v('sensitive_topics')) }) } : null;
  return {
    name: v('name'), trigger_type: v('trigger_type'), priority: amount(form, 'priority'), is_active: isChecked(form, 'is_active'),
    conditions: { ...rest(c, KNOWN), ...without({ keywords, match_mode: keywords.length ? v('match_mode') : '', channels: Object.keys(CHANNELS).filter((type) => isChecked(form, `channel ${type}`)), languages: words(v('languages')), time_range: time, intent: v('intent'), confidence_min: amount(form, 'confidence_min') }) },
    actions: { ...rest(a, KNOWN_ACTIONS), ...without({ reply_text: v('reply_text'), reply_template_id: v('template'), assign_team_id: v('team'), assign_strategy: v('team') ? v('strategy') : '', set_labels: words(v('labels')), set_priority: v('set_priority'), collect_info: words(v('collect_info')), assist }) },
  };
}

function Conditions({ c }) {
  const at = (name) => `conditions.${name}`;
  const chosen = c.channels ?? [];
  return html`<fieldset><legend>${t('If all of these apply')}</legend><${Field} label=${t('Keywords, comma separated')} name="keywords" path=${at('keywords')} value=${(c.keywords ?? []).join(', ')} /><${Choice} label=${t('Match')} name="match_mode" path=${at('match_mode')} value=${c.match_mode ?? 'any'} options=${[['any', t('any of them')], ['all', t('all of them')]]} />
      <fieldset><legend>${t('Channels; none means any')}</legend>${Object.entries(CHANNELS).map(([type, text]) => html`<${Check} key=${type} label=${t(text)} name=${`channel ${type}`} checked=${chosen.includes(type)} />`)}</fieldset>
      <${Field} label=${t('Languages, as en, am')} name="languages" path=${at('languages')} value=${(c.languages ?? []).join(', ')} />
      <div class="inline"><${Field} label=${t('From')} name="start" path=${at('time_range.start')} type="time" value=${c.time_range?.start} /><${Field} label=${t('Until')} name="end" path=${at('time_range.end')} type="time" value=${c.time_range?.end} /><${Field} label=${t('Time zone')} name="tz" path=${at('time_range.tz')} value=${c.time_range?.tz ?? ''} /></div>
      <${Field} label=${t('Intent that your classifier finds')} name="intent" path=${at('intent')} maxlength="100" value=${c.intent ?? ''} /><${Field} label=${t('How sure the classifier must be, from 0 to 1')} name="confidence_min" path=${at('confidence_min')} type="number" min="0" max="1" step="any" value=${c.confidence_min ?? ''} /></fieldset>`;
}

function Assist({ assist }) {
  const at = (name) => `actions.assist.${name}`;
  return html`<${Check} label=${t('A language model answers from the public articles')} name="assist" checked=${Boolean(assist)} /><${Area} label=${t('How the bot should sound')} name="instruction" path=${at('instruction')} rows="2" maxlength="4000" value=${assist?.instruction} />
      <${Field} label=${t('How sure the bot must be, from 0 to 1')} name="assist_confidence" path=${at('confidence_min')} type="number" min="0" max="1" step="0.05" value=${assist?.confidence_min ?? (assist ? 0.5 : '')} />
      <${Field} label=${t('Words on which a human takes over, comma separated; empty for the usual ones')} name="sensitive_topics" path=${at('sensitive_topics')} value=${(assist?.sensitive_topics ?? []).join(', ')} />`;
}

function Editor({ edited, list, onDone }) {
  const c = edited?.conditions ?? {};
  const a = edited?.actions ?? {};
  async function save(form) {
    const body = bodyOf(form, c, a);
    await made(list, () => (edited ? api.patch(`/v1/bot-rules/${edited.id}`, body) : api.post('/v1/bot-rules', body)), t('Saved.'));
    form.reset();
    onDone();
  }
  const none = ['', t('unchanged')];
  const at = (name) => `actions.${name}`;
  return html`<${Form} onSubmit=${save} key=${edited?.id ?? 'new'} focus=${Boolean(edited)}><h2>${edited ? t('Change {name}', { name: edited.name }) : t('New rule')}</h2>
    <${Field} label=${t('Name')} name="name" required maxlength="255" value=${edited?.name} /><${Choice} label=${t('Trigger')} name="trigger_type" value=${edited?.trigger_type ?? 'keyword'} options=${TRIGGERS()} />
    <${Field} label=${t('Order; the lowest runs first')} name="priority" type="number" required value=${edited?.priority ?? 100} /><${Check} label=${t('Active')} name="is_active" checked=${edited?.is_active ?? true} /><${Conditions} c=${c} />
    <fieldset><legend>${t('Then')}</legend><${Area} label=${t('Answer')} name="reply_text" path=${at('reply_text')} rows="3" value=${a.reply_text} /><${Choice} label=${t('Or answer with a canned response')} name="template" path=${at('reply_template_id')} value=${a.reply_template_id ?? ''} options=${[['', t('none')], ...canned.value.map((x) => [x.id, x.short_code])]} />
      <${Choice} label=${t('Team')} name="team" path=${at('assign_team_id')} value=${a.assign_team_id ?? ''} options=${[none, ...teams.value.map((x) => [x.id, x.name])]} />
      <${Choice} label=${t('How the team gets it')} name="strategy" path=${at('assign_strategy')} value=${a.assign_strategy ?? 'least_busy'} options=${[['least_busy', t('least busy')], ['round_robin', t('in turn')], ['manual_queue', t('by hand')]]} /><${Field} label=${t('Labels, comma separated')} name="labels" path=${at('set_labels')} value=${(a.set_labels ?? []).join(', ')} />
      <${Choice} label=${t('Priority')} name="set_priority" path=${at('set_priority')} value=${a.set_priority ?? ''} options=${[none, ...PRIORITIES.map((p) => [p, PRIORITY()[p]])]} /><${Field} label=${t('Fields to ask for, comma separated')} name="collect_info" path=${at('collect_info')} value=${(a.collect_info ?? []).join(', ')} /><${Assist} assist=${a.assist} /></fieldset>
    <p><button class="primary">${t('Save')}</button>${edited && html` <button type="button" onClick=${onDone}>${t('Cancel')}</button>`}</p><//>`;
}

function DryRun() {
  const [found, setFound] = useState(null);
  const run = async (form) => {
    const at = value(form, 'at');
    setFound(await api.post('/v1/bot-rules/test', { content: value(form, 'content'), channel_type: value(form, 'channel_type'), language: value(form, 'language') || null, at: at ? new Date(at).toISOString() : null }));
  };
  return html`<section aria-labelledby="dry-title"><h2 id="dry-title">${t('Dry run')}</h2><${Form} onSubmit=${run}><${Field} label=${t('A customer writes')} name="content" required /><${Choice} label=${t('Channel')} name="channel_type" value="webchat" options=${Object.entries(CHANNELS).map(([k, v]) => [k, t(v)])} />
    <${Field} label=${t('Language, as en; empty to detect it')} name="language" maxlength="35" /><${Field} label=${t('When; empty for now')} name="at" type="datetime-local" /><button>${t('Try')}</button><//>
    ${found && html`<div data-dry-run role="status"><ul>${found.rules.map((r) => html`<li key=${r.rule_id}><b>${r.name}</b>: ${r.matched ? t('matches') : t('does not match')} – ${r.reasons.join(', ')}</li>`)}</ul><p>${found.actions ? t('What would happen:') : t('Nothing would happen.')}</p>${found.actions && html`<pre tabindex="0">${JSON.stringify(found.actions, null, 2)}</pre>`}</div>`}</section>`;
}

export default function BotRules() {
  const list = useList('/v1/bot-rules');
  const [edited, setEdited] = useState(null);
  return html`<h1>${t('Bot rules')}</h1><${DryRun} />
    <${Table} label=${t('Bot rules')} list=${list} columns=${[[t('Order'), (x) => x.priority], [t('Name'), (x) => x.name], [t('Trigger'), (x) => TRIGGERS().find(([k]) => k === x.trigger_type)?.[1] ?? x.trigger_type], [t('Active'), (x) => html`<input type="checkbox" aria-label=${t('{name} is on', { name: x.name })} checked=${x.is_active} onChange=${(e) => change(list, () => api.patch(`/v1/bot-rules/${x.id}`, { is_active: e.target.checked }))} />`], ['', (x) => html`<button type="button" onClick=${() => setEdited(x)}>${t('Change')}</button> <${Remove} what=${x.name} path=${`/v1/bot-rules/${x.id}`} list=${list} />`]]} />
    <${Editor} edited=${edited} list=${list} onDone=${() => setEdited(null)} />`;
}
