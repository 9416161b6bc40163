// The widget's beginning: wait for the page around, read the channel, show the thread.
import { effect, html, render } from './ui.js';
import { speak, t } from './i18n.js';
import * as page from './host_page.js';
import * as session from './session.js';
import { begin, isLooking, markSeen, messages, refresh, unread } from './conversation.js';
import { state } from './stream.js';
import { Panel, settings } from './panel.js';

function paint(color) {
  if (!/^#[0-9a-f]{6}$/i.test(color ?? '')) return;
  const light = [1, 3, 5].map((at) => (parseInt(color.slice(at, at + 2), 16) / 255) ** 2.2);
  const root = document.documentElement.style;
  root.setProperty('--accent', color);
  root.setProperty('--on-accent', light[0] * 0.2126 + light[1] * 0.7152 + light[2] * 0.0722 > 0.18 ? '#000' : '#fff');
}

function become(identity) {
  session.begin(page.channel, identity);
  begin();
}

const identity = await page.connect();
const language = page.given.language ?? navigator.languages.map((l) => l.slice(0, 2)).find((l) => ['es', 'am', 'ar'].includes(l)) ?? 'en';
if (['light', 'dark'].includes(page.given.theme)) document.documentElement.dataset.theme = page.given.theme;
session.begin(page.channel, identity);
session.onExpired(() => page.tell('identity-expired'));
const readSettings = () => session.api.channel().then((found) => { settings.value = found; paint(page.given.accent ?? found.color); });
await Promise.all([speak(language), readSettings().catch((error) => { settings.value = { failed: error }; })]);
document.title = settings.value.title ?? t('Chat');
begin();
page.onIdentify(become);
page.onForget(() => { session.forget(); begin(); page.tell('started', false); });
render(html`<${Panel} />`, document.getElementById('app'));

effect(() => { page.tell('unread', unread.value); });
effect(() => { if (isLooking() && messages.value.length) markSeen(); });
effect(() => { if (page.isOpen.value && state.peek() === 'cut') refresh(); });
document.addEventListener('visibilitychange', () => { if (isLooking()) markSeen(); });
addEventListener('keydown', (event) => { if (event.key === 'Escape' && !event.defaultPrevented) page.close(); });
