// Who else has this conversation open. A hint between pages; without it nothing is claimed.
import { html, useEffect } from './ui.js';
import { t } from './i18n.js';
import { nameOf } from './people.js';
import { others } from './drafts.js';

export function Viewers({ id }) {
  useEffect(() => undefined, [id]);
  const writing = (others.value[id] ?? []).map((d) => d.name ?? nameOf(d.user_id));
  return writing.length > 0 && html`<span class="viewers" role="status">${t('{names} is replying', { names: writing.join(', ') })}</span>`;
}
