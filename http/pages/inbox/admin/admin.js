// The admin side: one page for each thing that can be set up. Pages load when they are opened.
import { html, useEffect, useState } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { attempt } from '../data/toasts.js';
import { can } from '../data/session.js';

const PROVIDERS = new Set(['deliveries', 'channels', 'failures']);
const PAGES = () => [
  ['queue', t('Queue'), 'lead'], ['agents', t('Agents'), 'lead'], ['teams', t('Teams'), 'lead'], ['canned', t('Canned responses'), 'lead'], ['articles', t('Knowledge'), 'lead'], ['deliveries', t('Deliveries'), 'lead'],
  ['channels', t('Channels'), 'admin'], ['bot_rules', t('Bot rules'), 'admin'], ['routing', t('Routing'), 'admin'], ['account', t('Account'), 'admin'], ['clients', t('API clients'), 'admin'],
  ['webhooks', t('Event webhooks'), 'admin'], ['failures', t('Failures'), 'admin'], ['audit', t('Audit log'), 'admin'],
];

export function Admin({ page }) {
  const pages = PAGES().filter(([, , role]) => can(role));
  const [name] = pages.find(([known]) => known === page) ?? pages[0];
  const [Page, setPage] = useState(null);
  useEffect(() => {
    let isCurrent = true;
    setPage(null);
    document.querySelector('.admin > nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' }); // on a phone the nav is one line
    attempt(() => import(PROVIDERS.has(name) ? `./providers/${name}.js` : `./${name}.js`)).then((loaded) => { if (isCurrent && loaded) setPage(() => loaded.default); });
    return () => { isCurrent = false; };
  }, [name]);
  return html`<div class="admin"><nav aria-label=${t('Settings')}>${pages.map(([known, text]) => html`<a key=${known} href="#/admin/${known}" aria-current=${known === name ? 'page' : null}>${text}</a>`)}</nav>
    <main id="main" tabindex="-1"><div class="admin-page" data-page=${name}>${Page ? html`<${Page} />` : html`<p class="loading" role="status">${t('Loading …')}</p>`}</div></main></div>`;
}
