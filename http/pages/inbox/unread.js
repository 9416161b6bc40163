// How many of one's own conversations have unread messages, in the page's title: a tab in the background shows it.
import { effect, signal } from './basics/ui.js';
import { t } from './basics/i18n.js';
import { onChange, peek } from './data/conversations.js';
import { user } from './data/session.js';

const unread = new Set();
const count = signal(0);

export function showUnread() {
  onChange((id) => {
    const c = peek(id);
    if (c.unread_count > 0 && c.assignee_id === user.peek()?.userId && ['assigned', 'pending'].includes(c.status)) unread.add(id);
    else unread.delete(id);
    count.value = unread.size;
  });
  effect(() => { document.title = `${count.value ? `(${count.value}) ` : ''}${t('Tertulia inbox')}`; });
}
