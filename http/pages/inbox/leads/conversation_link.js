// A conversation by its customer's name.
import { html, useEffect, useState } from '../basics/ui.js';
import { contactName } from '../basics/format.js';
import { conversation, load, peek } from '../data/conversations.js';

export function ConversationLink({ id, view = 'all' }) {
  const [, setLoaded] = useState(false); // a conversation that is not known yet has no signal to wait for
  useEffect(() => { if (!peek(id)) load(id).then(() => setLoaded(true)).catch(() => null); }, [id]);
  const c = conversation(id)?.value;
  return html`<a href="#/inbox/${view}/${id}">${c ? contactName(c) : `${id.slice(0, 8)}…`}</a>`;
}
