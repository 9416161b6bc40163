// Who changed what.
import { html, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { full } from '../basics/format.js';
import { nameOf } from '../data/people.js';
import { Table, useList } from './parts.js';

export default function Audit() {
  const [action, setAction] = useState('');
  const [target, setTarget] = useState('');
  const list = useList('/v1/audit-log', { action: action || undefined, target_id: target || undefined });
  return html`<h1>${t('Audit log')}</h1><label>${t('Only this action, as channel.created')} <input value=${action} onChange=${(e) => setAction(e.target.value.trim())} /></label><label>${t('Only this object, by its id')} <input value=${target} maxlength="255" onChange=${(e) => setTarget(e.target.value.trim())} /></label>
    <${Table} label=${t('Audit log')} list=${list} columns=${[[t('Time'), (x) => full(x.at)], [t('Who'), (x) => (x.actor_type === 'agent' ? nameOf(x.actor_id) : `${x.actor_type} ${x.actor_id ?? ''}`)], [t('Action'), (x) => x.action], [t('On'), (x) => `${x.target_type ?? ''} ${x.target_id ?? ''}`], [t('Details'), (x) => (Object.keys(x.details).length ? JSON.stringify(x.details, null, 1) : '')]]} />`;
}
