// The account's settings: name, hours, service targets, ratings, drafts, times. Routing has a page of its own.
import { html, useEffect, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';
import { PRIORITIES, PRIORITY } from '../basics/format.js';
import { attempt, say } from '../data/toasts.js';
import { Schedule, scheduleOf } from './hours.js';
import { amount, Area, Check, Choice, Field, Form, isChecked, useFault, value, words } from './parts.js';

const TIMES = () => [['presence_grace_s', t('Seconds after which an absent agent’s conversations are requeued')], ['expiry_hours', t('Hours of silence after which a conversation expires')], ['auto_close_hours', t('Hours after which a resolved conversation closes')], ['retention_days', t('Days for which closed conversations are kept')], ['routing_journal_days', t('Days for which decisions of the routing are kept')]];
const TARGETS = () => [['first_reply_minutes', t('First reply')], ['next_reply_minutes', t('Next reply')], ['resolution_minutes', t('Resolution')]];
const SLA = 'settings.sla';
const field = (priority, target) => `sla ${priority} ${target}`;

const targetsOf = (form, priority) => Object.fromEntries(TARGETS().map(([target]) => [target, amount(form, field(priority, target))]));
/** The targets of those priorities that have some of their own. */
const prioritiesOf = (form) => Object.fromEntries(PRIORITIES.map((p) => [p, targetsOf(form, p)]).filter(([, targets]) => Object.values(targets).some((minutes) => minutes !== null)));

function Target({ priority, target, label, given, path, placeholder }) {
  const [attributes, fault] = useFault(path);
  return html`<td><input name=${field(priority, target)} type="number" min="1" max="525600" aria-label=${label} defaultValue=${given ?? ''} placeholder=${placeholder} ...${attributes} />${fault}</td>`;
}

function Targets({ sla }) {
  const line = (priority, text, given, path) => html`<tr key=${priority}><th scope="row">${text}</th>${TARGETS().map(([target, name]) => html`<${Target} key=${target} priority=${priority} target=${target} label=${`${name}: ${text}`} given=${given?.[target]} path=${`${path}.${target}`} placeholder=${priority === 'all' ? '–' : sla[target] ?? '–'} />`)}</tr>`;
  return html`<fieldset><legend>${t('Service targets, in minutes of business time')}</legend><p>${t('An empty field means no target; for a priority, it means the target of all conversations.')}</p>
    <div class="table-box" tabindex="0" role="region" aria-label=${t('Service targets')}><table class="targets"><thead><tr><th scope="col">${t('Priority')}</th>${TARGETS().map(([target, name]) => html`<th scope="col" key=${target}>${name}</th>`)}</tr></thead>
      <tbody>${line('all', t('All conversations'), sla, SLA)}${[...PRIORITIES].reverse().map((p) => line(p, PRIORITY()[p], sla.priorities[p], `${SLA}.priorities.${p}`))}</tbody></table></div>
    <${Field} label=${t('Warn at this percentage of the time')} name="warn_percent" path="settings.sla.warn_percent" type="number" min="1" max="99" required value=${sla.warn_percent} /></fieldset>`;
}

function Assistance({ a }) {
  const at = (name) => `settings.assistance.${name}`;
  return html`<fieldset><legend>${t('Suggested replies')}</legend>
    <${Choice} label=${t('When a language model drafts a reply; a person sends every draft')} name="suggestions" path=${at('suggestions')} value=${a.suggestions} options=${[['off', t('never')], ['on_request', t('when an agent asks for it')], ['inbound', t('for each message of a customer')]]} />
    <${Field} label=${t('Seconds of silence before a reply is drafted')} name="wait_s" path=${at('wait_s')} type="number" min="0" max="600" required value=${a.wait_s} />
    <${Area} label=${t('How drafts should sound')} name="instruction" path=${at('instruction')} rows="2" maxlength="4000" value=${a.instruction} />
    <h3>${t('Limits of all uses of language models; empty for none')}</h3>
    <${Field} label=${t('Calls per minute')} name="calls_per_minute" path=${at('calls_per_minute')} type="number" min="1" max="100000" value=${a.calls_per_minute} />
    <${Field} label=${t('Tokens per day')} name="daily_tokens" path=${at('daily_tokens')} type="number" min="1" max="1000000000000" value=${a.daily_tokens} />
    <${Field} label=${t('US dollars per day')} name="daily_cost" path=${at('daily_cost')} type="number" min="0" max="1000000000" step="any" value=${a.daily_cost} /></fieldset>`;
}

function settingsOf(form, s) {
  return {
    timezone: value(form, 'timezone'), business_hours: { schedule: scheduleOf(form) }, csat_enabled: isChecked(form, 'csat_enabled'), csat_question: value(form, 'csat_question'),
    handoff_keywords: words(value(form, 'handoff_keywords')), handoff_sentiment: amount(form, 'handoff_sentiment'), sub_domain: value(form, 'sub_domain') || null,
    ...Object.fromEntries(TIMES().map(([name]) => [name, amount(form, name)])),
    sla: { ...s.sla, ...targetsOf(form, 'all'), priorities: prioritiesOf(form), warn_percent: amount(form, 'warn_percent') },
    assistance: { ...s.assistance, suggestions: value(form, 'suggestions'), wait_s: amount(form, 'wait_s'), instruction: value(form, 'instruction'), ...Object.fromEntries(['calls_per_minute', 'daily_tokens', 'daily_cost'].map((name) => [name, amount(form, name)])) },
  };
}

export default function Account() {
  const [account, setAccount] = useState(null);
  useEffect(() => { attempt(() => api.get('/v1/account')).then((found) => found && setAccount(found)); }, []);
  if (!account) return html`<p class="loading" role="status">${t('Loading …')}</p>`;
  const s = account.settings;
  async function save(form) {
    setAccount(await api.patch('/v1/account', { name: value(form, 'name'), settings: settingsOf(form, s) }));
    say(t('Saved.'));
  }
  return html`<h1>${t('Account')}</h1><${Form} onSubmit=${save}>
    <${Field} label=${t('Name')} name="name" required maxlength="255" value=${account.name} /><${Field} label=${t('Time zone, as Africa/Addis_Ababa')} name="timezone" path="settings.timezone" required maxlength="64" value=${s.timezone} />
    <fieldset><legend>${t('Business hours; without any, always open')}</legend><${Schedule} blocks=${s.business_hours.schedule} path="settings.business_hours.schedule" /></fieldset>
    <${Targets} sla=${s.sla} />
    <fieldset><legend>${t('Satisfaction')}</legend><${Check} label=${t('Ask customers after a resolution')} name="csat_enabled" checked=${s.csat_enabled} /><${Field} label=${t('Question')} name="csat_question" path="settings.csat_question" required maxlength="1000" value=${s.csat_question} /></fieldset>
    <fieldset><legend>${t('When the bot hands over to a human')}</legend><${Area} label=${t('Words by which a customer asks for a human, comma separated')} name="handoff_keywords" path="settings.handoff_keywords" rows="3" value=${s.handoff_keywords.join(', ')} />
      <${Field} label=${t('Mood of an English message below which the bot hands over, from -1 to 0; -1 for never')} name="handoff_sentiment" path="settings.handoff_sentiment" type="number" min="-1" max="0" step="any" required value=${s.handoff_sentiment} /></fieldset>
    <${Assistance} a=${s.assistance} />
    <fieldset><legend>${t('Times')}</legend>${TIMES().map(([name, text]) => html`<${Field} key=${name} label=${text} name=${name} path=${`settings.${name}`} type="number" min="0" required value=${s[name]} />`)}</fieldset>
    <fieldset><legend>${t('Other services')}</legend><${Field} label=${t('Sub-domain by which the sync API knows the account; empty for none')} name="sub_domain" path="settings.sub_domain" maxlength="63" value=${s.sub_domain ?? ''} /></fieldset>
    <p><button class="primary">${t('Save')}</button></p><//>`;
}
