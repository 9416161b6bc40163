// The frame: the bar of areas, the three panes, what lies over them. Admin pages and reports load on demand.
import { html, Icon, effect, signal, useEffect, useState } from './basics/ui.js';
import { t } from './basics/i18n.js';
import { attempt } from './data/toasts.js';
import { bindKeys, HelpSheet, Palette } from './keys.js';
import { can, signOut, user } from './data/session.js';
import { Details } from './thread/details_pane.js';
import { go, route } from './basics/router.js';
import { loadInboxPreferences } from './data/inbox_preferences.js';
import { loadNotices } from './notices.js';
import { List } from './list/list_pane.js';
import { agents, loadAgents, loadAll, nameOf } from './data/people.js';
import { Offers } from './offers.js';
import { open, openThread } from './thread/thread.js';
import { api } from './data/api.js';
import { show } from './list/list.js';
import { start, state } from './data/stream.js';
import { showUnread } from './unread.js';
import { StreamBadge } from './data/freshness.js';
import { ThreadPane } from './thread/thread_pane.js';

export const presence = signal('online');
export const detailsOpen = signal(matchMedia('(min-width: 1100px)').matches);

export function startShell() {
  start();
  loadAll();
  loadNotices();
  loadInboxPreferences();
  showUnread();
  bindKeys();
  let view = null;
  effect(() => {
    const { area, view: wanted, id } = route.value;
    if (area === 'inbox' && wanted !== view) {
      view = wanted;
      show(wanted);
    }
    openThread(area === 'inbox' ? id : null);
  });
  appear('online');
  let wasCut = false;
  effect(() => {
    const isLive = state.value === 'live';
    if (isLive && wasCut) comeBack();
    wasCut = state.value === 'cut' || (wasCut && !isLive);
  });
}

/** A status ends a minute after its connection: who was cut off for longer is offline, whatever this page shows. */
async function comeBack() {
  await loadAgents().catch(() => null);
  if (agents.peek().get(user.peek()?.userId)?.status === 'offline') appear(presence.peek());
}

export async function appear(status) {
  const done = await attempt(() => api.put('/v1/agents/me/presence', { status }));
  if (done) presence.value = status;
}

function OnDemand({ module, name, ...rest }) {
  const [found, setFound] = useState(null);
  useEffect(() => {
    let isCurrent = true;
    attempt(() => import(module)).then((loaded) => { if (isCurrent && loaded) setFound(() => loaded[name]); });
    return () => { isCurrent = false; };
  }, [module]);
  return found ? html`<${found} ...${rest} />` : html`<p class="loading" role="status">${t('Loading …')}</p>`;
}

function Bar() {
  const { area } = route.value;
  const link = (to, text, mark) => html`<a href="#/${to}" aria-current=${area === to.split('/')[0] ? 'page' : null}><${Icon} name=${mark} /><span class="word">${text}</span></a>`;
  return html`<header class="bar">
    <nav aria-label=${t('Areas')}>
      ${link('inbox', t('Inbox'), 'inbox')}
      ${can('lead') && link('floor', t('Floor'), 'floor')}
      ${can('lead') && link('reports', t('Reports'), 'reports')}
      ${can('lead') && link('admin', t('Settings'), 'settings')}
    </nav>
    <div class="bar-end">
      <${StreamBadge} />
      <label class="visually-hidden" for="presence">${t('Your presence')}</label>
      <select id="presence" class="presence ${presence.value}" value=${presence.value} onChange=${(e) => appear(e.target.value)}>
        <option value="online">${t('Online')}</option><option value="away">${t('Away')}</option><option value="offline">${t('Offline')}</option>
      </select>
      <${UserMenu} />
    </div>
  </header>`;
}

function UserMenu() {
  return html`<details class="menu user-menu">
    <summary><span class="visually-hidden">${t('Account menu')}: </span>${nameOf(user.value.userId)}</summary>
    <div class="menu-body">
      <p>${t(user.value.role)}</p>
      <button type="button" onClick=${() => go('preferences')}>${t('Preferences')}</button>
      <button type="button" onClick=${() => { HelpSheet.open.value = true; }}>${t('Keyboard shortcuts')}</button>
      <button type="button" onClick=${signOut}>${t('Sign out')}</button>
    </div>
  </details>`;
}

export function Shell() {
  const { area, id, page } = route.value;
  return html`<div class="shell">
    <a class="skip" href="#main" onClick=${(e) => { e.preventDefault(); document.querySelector('main')?.focus(); }}>${t('Skip to content')}</a>
    <${Bar} />
    <${Offers} />
    ${area === 'inbox' && html`<div class="panes ${id ? 'has-thread' : ''} ${detailsOpen.value ? 'has-details' : ''}">
      <${List} current=${id} />
      <main id="main" tabindex="-1" class="thread-area">${open.value ? html`<${ThreadPane} key=${open.value.id} thread=${open.value} />` : html`<p class="empty">${t('Choose a conversation.')}</p>`}</main>
      ${open.value?.loaded.value && detailsOpen.value && html`<${Details} key=${`d${open.value.id}`} id=${open.value.id} />`}
    </div>`}
    ${area === 'preferences' && html`<main id="main" tabindex="-1" class="page"><${OnDemand} module="./preferences_page.js" name="PreferencesPage" /></main>`}
    ${area === 'floor' && html`<main id="main" tabindex="-1" class="page"><${OnDemand} module="./leads/floor.js" name="Floor" /></main>`}
    ${area === 'reports' && html`<main id="main" tabindex="-1" class="page"><${OnDemand} module="./leads/reports.js" name="Reports" /></main>`}
    ${area === 'admin' && html`<div class="page"><${OnDemand} module="./admin/admin.js" name="Admin" page=${page} /></div>`}
    <${Palette} />
    <${HelpSheet} />
  </div>`;
}
