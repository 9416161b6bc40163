// The account's settings: hours, SLA, routing, CSAT, handoff.
import { html, useEffect, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { api } from '../data/api.js';
import { weekday } from '../basics/format.js';
import { attempt, say } from '../data/toasts.js';
import { Choice, Field, value, words } from './parts.js';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const NUMBERS = () => [['offer_timeout_s', t('Seconds to accept an offer')], ['presence_grace_s', t('Seconds after which an absent agent’s conversations are requeued')], ['expiry_hours', t('Hours of silence after which a conversation expires')], ['auto_close_hours', t('Hours after which a resolved conversation closes')], ['retention_days', t('Days for which data is kept')]];
const minutes = (form, name) => (value(form, name) ? Number(value(form, name)) : null);

export default function Account() {
  const [account, setAccount] = useState(null);
  useEffect(() => { attempt(() => api.get('/v1/account')).then(setAccount); }, []);
  if (!account) return html`<p class="loading" role="status">${t('Loading …')}</p>`;
  const s = account.settings;
  const hours = s.business_hours?.schedule ?? [];
  async function save(e) {
    e.preventDefault();
    const form = e.target;
    const schedule = [...form.querySelectorAll('[data-block]')].map((row) => ({ days: DAYS.filter((d) => row.querySelector(`[name=${d}]`).checked), start: row.querySelector('[name=start]').value, end: row.querySelector('[name=end]').value })).filter((b) => b.days.length && b.start && b.end);
    const settings = {
      timezone: value(form, 'timezone'), business_hours: { schedule }, handoff_keywords: words(value(form, 'handoff_keywords')), csat_enabled: form.elements.csat_enabled.checked, csat_question: value(form, 'csat_question'),
      ...Object.fromEntries(NUMBERS().map(([name]) => [name, Number(value(form, name))])),
      sla: { ...s.sla, first_reply_minutes: minutes(form, 'first_reply'), next_reply_minutes: minutes(form, 'next_reply'), resolution_minutes: minutes(form, 'resolution'), warn_percent: Number(value(form, 'warn_percent')) },
      assistance: { ...s.assistance, suggestions: value(form, 'suggestions'), wait_s: Number(value(form, 'wait_s')), instruction: value(form, 'instruction') },
      routing: { ...s.routing, strategy: value(form, 'strategy'), sticky_hours: Number(value(form, 'sticky_hours')) },
    };
    const made = await attempt(() => api.patch('/v1/account', { name: value(form, 'name'), settings }));
    if (made) { setAccount(made); say(t('Saved.')); }
  }
  return html`<h1>${t('Account')}</h1><form onSubmit=${save}>
    <${Field} label=${t('Name')} name="name" required maxlength="255" value=${account.name} /><${Field} label=${t('Time zone, as Africa/Addis_Ababa')} name="timezone" required value=${s.timezone} />
    <fieldset><legend>${t('Business hours; without any, always open')}</legend>${[...hours, { days: [], start: '', end: '' }].map((b, n) => html`<div class="inline" data-block key=${n}>${DAYS.map((d, at) => html`<label class="check" key=${d}><input type="checkbox" name=${d} checked=${b.days.includes(d)} />${weekday(at)}</label>`)}<${Field} label=${t('From')} name="start" value=${b.start} placeholder="09:00" pattern="[0-2][0-9]:[0-5][0-9]" /><${Field} label=${t('Until')} name="end" value=${b.end} placeholder="17:00" pattern="[0-2][0-9]:[0-5][0-9]" /></div>`)}</fieldset>
    <fieldset><legend>${t('SLA, in minutes of business time; empty means none')}</legend><${Field} label=${t('First reply')} name="first_reply" type="number" min="1" value=${s.sla?.first_reply_minutes} /><${Field} label=${t('Next reply')} name="next_reply" type="number" min="1" value=${s.sla?.next_reply_minutes} /><${Field} label=${t('Resolution')} name="resolution" type="number" min="1" value=${s.sla?.resolution_minutes} /><${Field} label=${t('Warn at this percentage of the time')} name="warn_percent" type="number" min="1" max="99" value=${s.sla?.warn_percent ?? 80} /></fieldset>
    <fieldset><legend>${t('Routing')}</legend><${Choice} label=${t('Who gets a new conversation')} name="strategy" value=${s.routing?.strategy ?? 'least_busy'} options=${[['least_busy', t('the least busy agent')], ['round_robin', t('agents in turn')], ['manual_queue', t('nobody: agents take them themselves')]]} /><${Field} label=${t('Hours for which a customer’s last agent comes first; 0 for never')} name="sticky_hours" type="number" min="0" value=${s.routing?.sticky_hours ?? 0} /></fieldset>
    <fieldset><legend>${t('Satisfaction')}</legend><label class="check"><input type="checkbox" name="csat_enabled" checked=${s.csat_enabled} />${t('Ask customers after a resolution')}</label><${Field} label=${t('Question')} name="csat_question" value=${s.csat_question} /></fieldset>
    <fieldset><legend>${t('Suggested replies')}</legend><${Choice} label=${t('When a language model drafts a reply; a person sends every draft')} name="suggestions" value=${s.assistance.suggestions} options=${[['off', t('never')], ['on_request', t('when an agent asks for it')], ['inbound', t('for each message of a customer')]]} /><${Field} label=${t('Seconds of silence before a reply is drafted')} name="wait_s" type="number" min="0" max="600" required value=${s.assistance.wait_s} /><label>${t('How drafts should sound')}<textarea name="instruction" rows="2" maxlength="4000">${s.assistance.instruction}</textarea></label></fieldset>
    <fieldset><legend>${t('Times')}</legend>${NUMBERS().map(([name, text]) => html`<${Field} key=${name} label=${text} name=${name} type="number" min="0" required value=${s[name]} />`)}</fieldset>
    <${Field} label=${t('Words by which a customer asks for a human, comma separated')} name="handoff_keywords" value=${(s.handoff_keywords ?? []).join(', ')} />
    <p><button class="primary">${t('Save')}</button></p></form>`;
}
