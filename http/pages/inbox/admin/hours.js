// Hours of the week: periods with their days, each a row that can be added and removed.
import { html } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { weekday } from '../basics/format.js';
import { Field, Rows, useFault } from './parts.js';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const MOST = 50;
const TIME = { placeholder: 'HH:MM', maxlength: 5, size: 5, pattern: '([01][0-9]|2[0-3]):[0-5][0-9]|24:00' };

function Days({ chosen, path }) {
  const [attributes, fault] = useFault(path);
  return html`<div role="group" tabindex="-1" aria-label=${t('Days')} ...${attributes}>${DAYS.map((day, n) => html`<label class="check" key=${day}><input type="checkbox" name=${day} defaultChecked=${chosen.includes(day)} />${weekday(n)}</label>`)}${fault}</div>`;
}

/** `path`: the place of the list in the body, as `settings.business_hours.schedule`. */
export function Schedule({ blocks, path }) {
  return html`<${Rows} items=${blocks} most=${MOST} add=${t('Add hours')} remove=${t('Remove these hours')} row=${(b, n) => html`<div class="inline" data-block>
    <${Days} chosen=${b?.days ?? []} path=${`${path}[${n}].days`} /><${Field} label=${t('From')} name="start" path=${`${path}[${n}].start`} value=${b?.start ?? ''} ...${TIME} /><${Field} label=${t('Until')} name="end" path=${`${path}[${n}].end`} value=${b?.end ?? ''} ...${TIME} /></div>`} />`;
}

/** The periods as the server takes them. */
export const scheduleOf = (form) => [...form.querySelectorAll('[data-block]')].map((row) => ({
  days: DAYS.filter((day) => row.querySelector(`[name=${day}]`).checked), start: row.querySelector('[name=start]').value.trim(), end: row.querySelector('[name=end]').value.trim(),
}));
