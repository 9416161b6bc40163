// The widget's set-up: which sites may show it, what it says and asks, and the lines to paste into them.
import { html, useState } from '../../basics/ui.js';
import { t } from '../../basics/i18n.js';
import { FORM_FIELDS } from '../../basics/format.js';
import { api } from '../../data/api.js';
import { say } from '../../data/toasts.js';
import { Check, copied, Field, Form, value, words } from '../parts.js';

/** What the server asks outside business hours if the channel says nothing. */
const OFFLINE = [{ name: 'name' }, { name: 'email', type: 'email', required: true }];
const DEFAULT_COLOR = '#0b6b5d';
const escaped = (text) => text.replace(/[&"<]/g, (c) => `&#${c.charCodeAt(0)};`);

/** The script tag of a channel. */
function tagOf(channel) {
  const { color } = channel.config.widget ?? {};
  return `<script async src="${location.origin}/widget.js" data-channel="${escaped(channel.id)}"${color ? ` data-color="${escaped(color)}"` : ''}></script>`;
}

/** A text to copy. */
function Copied({ label, text }) {
  return html`<label>${label}<textarea class="code" readonly rows=${Math.min(6, Math.ceil(text.length / 90) + text.split('\n').length - 1)} value=${text} onFocus=${(e) => e.target.select()}></textarea></label>
    <p><button type="button" onClick=${() => copied(text)}>${t('Copy')}</button></p>`;
}

/** What the form says, laid over what the channel's configuration had. */
function configOf(form, before) {
  const { widget = {} } = before;
  const text = (name) => value(form, name) || undefined;
  const asked = Object.keys(FORM_FIELDS());
  const other = (had) => had.filter((f) => !asked.includes(f.name)); // made through the API
  const [early, offline] = [widget.prechat_form ?? [], widget.offline_form ?? OFFLINE];
  const fields = (kind, had) => asked.filter((name) => form.elements.namedItem(`${kind}-${name}`).checked)
    .map((name) => had.find((f) => f.name === name) ?? { name, ...(name === 'email' || name === 'phone' ? { type: name } : {}) });
  return {
    ...before, allowed_origins: words(value(form, 'origins').replace(/\s+/g, ',')), require_identity: form.elements.namedItem('identity').checked,
    session_hours: Number(value(form, 'days')) * 24,
    widget: JSON.parse(JSON.stringify({ ...widget, title: text('title'), greeting: text('greeting'), color: value(form, 'color'), attachments: form.elements.namedItem('attachments').checked, prechat_form: [...fields('ask', early), ...other(early)], offline_form: [...fields('offline', offline), ...other(offline)] })),
  };
}

export function WidgetSetup({ channel: given, onSaved }) {
  const [channel, setChannel] = useState(given);
  const { config } = channel;
  const { widget = {} } = config;
  const origins = config.allowed_origins ?? [];
  const checks = (kind, fields) => { const has = new Set(fields.map((f) => f.name)); return Object.entries(FORM_FIELDS()).map(([name, word]) => html`<${Check} key=${name} label=${word} name=${`${kind}-${name}`} checked=${has.has(name)} />`); };
  async function save(form) {
    setChannel(await api.patch(`/v1/channels/${channel.id}`, { config: configOf(form, config) }));
    say(t('Saved.'));
    onSaved();
  }
  return html`<${Form} onSubmit=${save} of=${channel} class="widget-setup"><h3>${t('1. Your site')}</h3>
      <${Field} label=${t('Origins of the pages that may show it, such as https://shop.example')} name="origins" path="config.allowed_origins" value=${origins.join(', ')} autocomplete="off" />
      <h3>${t('2. Texts and forms')}</h3>
      <${Field} label=${t('Title')} name="title" path="config.widget.title" maxlength="100" value=${widget.title ?? ''} placeholder=${channel.name} />
      <${Field} label=${t('Greeting')} name="greeting" path="config.widget.greeting" maxlength="500" value=${widget.greeting ?? ''} />
      <${Field} label=${t('Colour')} name="color" path="config.widget.color" type="color" value=${widget.color ?? DEFAULT_COLOR} />
      <${Field} label=${t('Days for which a visitor is remembered')} name="days" path="config.session_hours" type="number" min="1" max="30" required value=${Math.ceil((config.session_hours ?? 24) / 24)} />
      <fieldset><legend>${t('Form before the first message')}</legend>${checks('ask', widget.prechat_form ?? [])}</fieldset>
      <fieldset><legend>${t('Form outside business hours')}</legend>${checks('offline', widget.offline_form ?? OFFLINE)}</fieldset>
      <${Check} label=${t('Customers may send files')} name="attachments" checked=${widget.attachments ?? true} />
      <${Check} label=${t('Only customers that your server identifies')} name="identity" checked=${config.require_identity ?? false} />
      <button class="primary">${t('Save')}</button><//>
    <h3>${t('3. Paste into your pages')}</h3>
    ${origins.length === 0 && html`<p class="problem">${t('No site may show it yet: name its origin above.')}</p>`}
    <${Copied} label=${t('Before the end of the body')} text=${tagOf(channel)} />
    <${Copied} label=${t('If your pages have a content security policy, it needs')} text=${`script-src ${location.origin}/widget.js; frame-src ${location.origin}`} />
    <p>${t('Your server proves who a customer is with the identity secret: a signed token (HS256; sub, exp) in data-token, or an HMAC-SHA256 of the identifier in data-hash.')}</p>
    <p><a href=${`/widget/channels/${channel.id}`} target="_blank" rel="noopener">${t('Try it on a page of its own')}</a></p>`;
}
