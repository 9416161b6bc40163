// Channels, with a guided set-up for each provider: what to copy from there, what to paste there, a test.
import { html, useState } from '../../basics/ui.js';
import { uuid } from '../../basics/browser.js';
import { t } from '../../basics/i18n.js';
import { api } from '../../data/api.js';
import { attempt, say } from '../../data/toasts.js';
import { CHANNELS, when } from '../../basics/format.js';
import { loadChannels } from '../../data/people.js';
import { WidgetSetup } from './widget_setup.js';
import { change, Choice, Field, Form, Remove, Table, useList, value } from '../parts.js';

const random = () => Array.from(crypto.getRandomValues(new Uint8Array(18)), (b) => b.toString(36).padStart(2, '0')).join('').slice(0, 32);
/** By type: credentials in the order in which one finds them, those that this page makes up, and the steps at the provider. */
const GUIDES = () => ({
  webchat: { made: ['identity_secret'] }, // set up by WidgetSetup
  whatsapp: { fields: ['app_secret', 'access_token', 'phone_number_id'], made: ['verify_token'], steps: (url, made) => [t('In Meta’s developer console open your app, then WhatsApp, Configuration.'), t('Paste as callback URL: {url}', { url }), t('Paste as verify token: {token}', { token: made.verify_token ?? t('the one you chose') }), t('Subscribe to the webhook field “messages”.'), t('Write to your number from a phone: it appears in the inbox.')] },
  messenger: { fields: ['app_secret', 'page_access_token', 'page_id'], made: ['verify_token'], steps: (url, made) => [t('In Meta’s developer console open your app, then Messenger, Settings, Webhooks.'), t('Paste as callback URL: {url}', { url }), t('Paste as verify token: {token}', { token: made.verify_token ?? t('the one you chose') }), t('Subscribe your page to messages, message_deliveries and message_reads.'), t('Write to the page: it appears in the inbox.')] },
  telegram: { fields: ['bot_token'], made: ['secret_token'], steps: (url, made) => [t('Create a bot with @BotFather and copy its token.'), t('Call Telegram’s setWebhook with url={url} and secret_token={token}', { url, token: made.secret_token ?? t('the one you chose') }), t('Write to the bot: it appears in the inbox.')] },
  sms: { fields: ['account_sid', 'auth_token', 'from_number'], made: [], steps: (url) => [t('In Twilio’s console open the number, then Messaging.'), t('Paste as the webhook for incoming messages (POST): {url}', { url }), t('Send an SMS to the number: it appears in the inbox.')] },
  email: { fields: ['server_token', 'from_address'], made: ['webhook_user', 'webhook_password'], steps: (url, made) => [t('In Postmark open the server, then the inbound stream.'), t('Paste as webhook: {url}', { url: made.webhook_password ? url.replace('://', `://${made.webhook_user}:${made.webhook_password}@`) : url }), t('Paste the same address for delivery, bounce, open and click webhooks of the outbound stream.'), t('Forward your support address to the inbound address, and send a mail: it appears in the inbox.')] },
});
const urlOf = (channel) => `${location.origin}/v1/webhooks/${channel.type}/${channel.id}`;

function Steps({ channel, made }) {
  const steps = GUIDES()[channel.type].steps(urlOf(channel), made);
  return html`<ol class="steps">${steps.map((step) => html`<li key=${step}>${step}</li>`)}</ol>
    ${location.protocol === 'http:' && html`<p class="problem">${t('Providers call only https addresses that they can reach; this page’s address is not one.')}</p>`}
    <${TestMessage} channel=${channel} />`;
}

const Credentials = ({ type }) => (GUIDES()[type].fields ?? []).map((name) => html`<${Field} key=${name} label=${name.replace(/_/g, ' ')} name=${name} path=${`credentials.${name}`} autocomplete="off" type=${/secret|token|password/.test(name) ? 'password' : 'text'} />`);

/** The form's credentials, and those made up here: {credentials, made}. */
function credentialsOf(form, type) {
  const { fields = [], made: names } = GUIDES()[type];
  const made = Object.fromEntries(names.map((name) => [name, random()]));
  return { made, credentials: { ...Object.fromEntries(fields.map((name) => [name, value(form, name)]).filter(([, v]) => v)), ...made } };
}

/** Another name or other credentials for a channel that exists. */
function Change({ channel, onChanged }) {
  async function rename(form) {
    const saved = await api.patch(`/v1/channels/${channel.id}`, { name: value(form, 'name') });
    say(t('Saved.'));
    onChanged({ channel: saved, made: {} });
  }
  async function replace(form) {
    const { credentials, made } = credentialsOf(form, channel.type);
    onChanged({ channel: await api.patch(`/v1/channels/${channel.id}`, { credentials }), made });
  }
  return html`<${Form} class="inline" onSubmit=${rename}><${Field} label=${t('Name')} name="name" required maxlength="255" value=${channel.name} /><button>${t('Save')}</button><//>
    <details><summary>${t('Replace the credentials')}</summary><${Form} onSubmit=${replace}><p>${t('The new ones replace all earlier ones at once. Secrets that this page makes up are made anew: paste them again where the steps say.')}</p>
      <${Credentials} type=${channel.type} /><button class="danger">${t('Replace the credentials')}</button><//></details>`;
}

function Guide({ channel, made, onClose, onSaved, onChanged }) {
  return html`<section class="secret" aria-labelledby="guide-title"><h2 id="guide-title">${t('Set up {name}', { name: channel.name })}</h2>
    ${Object.keys(made).length > 0 && html`<p>${t('The secrets below are shown once. Copy them now.')}</p><dl>${Object.entries(made).map(([k, v]) => html`<dt>${k}</dt><dd><code>${v}</code></dd>`)}</dl>`}
    ${channel.type === 'webchat' ? html`<${WidgetSetup} channel=${channel} onSaved=${onSaved} />` : html`<${Steps} channel=${channel} made=${made} />`}<${Change} channel=${channel} onChanged=${onChanged} /><p><button type="button" onClick=${onClose}>${t('Close')}</button></p></section>`;
}

function TestMessage({ channel }) {
  const [said, setSaid] = useState(null);
  async function send(e) {
    e.preventDefault();
    const form = e.target;
    const c = await attempt(() => api.post('/v1/conversations/find-or-create', { channel_id: channel.id, contact_identifier: value(form, 'to') }));
    if (!c) return;
    const message = await attempt(() => api.postOnce(`/v1/conversations/${c.id}/messages`, { content: t('This is a test message.'), client_message_id: uuid() }));
    if (message) setSaid({ id: c.id, status: message.delivery_status });
  }
  return html`<form onSubmit=${send} class="inline"><${Field} label=${t('Send a test message to')} name="to" required placeholder=${channel.type === 'email' ? 'you@example.com' : channel.type === 'telegram' ? 'chat id' : '+1…'} /><button>${t('Send')}</button></form>
    ${said && html`<p role="status">${t('Sent; follow its delivery in the conversation.')} <a href="#/inbox/all/${said.id}">${t('Open')}</a></p>`}`;
}

function NewChannel({ onMade }) {
  const [type, setType] = useState('webchat');
  async function create(form) {
    const { credentials, made } = credentialsOf(form, type);
    onMade({ channel: await api.post('/v1/channels', { type, name: value(form, 'name'), credentials }), made });
  }
  return html`<${Form} onSubmit=${create}><h2>${t('New channel')}</h2><${Choice} label=${t('Provider')} name="type" value=${type} onChange=${(e) => setType(e.target.value)} options=${Object.entries(CHANNELS).map(([k, v]) => [k, t(v)])} />
    <${Field} label=${t('Name')} name="name" required maxlength="255" /><${Credentials} type=${type} />
    <button class="primary">${t('Create, then show the steps')}</button><//>`;
}

export default function Channels() {
  const list = useList('/v1/channels');
  const [guide, setGuide] = useState(null);
  return html`<h1>${t('Channels')}</h1>${guide ? html`<${Guide} key=${guide.channel.id} ...${guide} onClose=${() => setGuide(null)} onSaved=${list.reload} onChanged=${(next) => { setGuide(next); list.reload(); loadChannels(); }} />` : html`<${NewChannel} onMade=${(next) => { setGuide(next); list.reload(); loadChannels(); }} />`}
    <${Table} label=${t('Channels')} list=${list} columns=${[[t('Name'), (x) => x.name], [t('Provider'), (x) => t(CHANNELS[x.type] ?? x.type)], [t('On'), (x) => html`<input type="checkbox" aria-label=${t('{name} is on', { name: x.name })} checked=${x.is_active} onChange=${(e) => change(list, () => api.patch(`/v1/channels/${x.id}`, { is_active: e.target.checked }))} />`], [t('Credentials'), (x) => (x.credentials ?? x.credential_fields ?? []).toString().replace(/,/g, ', ')], [t('Created'), (x) => when(x.created_at)],
      ['', (x) => html`<button type="button" onClick=${() => setGuide({ channel: x, made: {} })}>${t('Set-up')}</button> <${Remove} what=${x.name} path=${`/v1/channels/${x.id}`} list=${list} />`]]} />`;
}
