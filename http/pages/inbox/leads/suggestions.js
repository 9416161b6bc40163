// What agents did with the replies that language models drafted, and what the calls of the models cost.
import { html } from '../basics/ui.js';
import { t } from '../basics/i18n.js';
import { number } from '../basics/format.js';
import { Figure, Problem, Sheet, useAnswer } from './answers.js';
import { download } from './csv.js';

const DRAFTED = ['drafted', 'shown', 'approved', 'edited', 'edit_distance', 'rejected', 'overtaken', 'replaced', 'sent', 'answered', 'confidence'];
const USED = ['purpose', 'outcome', 'calls', 'tokens_in', 'tokens_out', 'cost', 'ms'];
const PURPOSES = () => ({ analysis: t('Analysis of messages'), reply: t('Draft of a reply'), improve: t('Improvement of a draft'), assist: t('Assistant in the chat'), run: t('Run of an assistant'), embedding: t('Search in articles') });
const OUTCOMES = () => ({
  ok: t('Succeeded'), running: t('Still running'), cancelled: t('Cancelled'), timeout: t('Took too long'), refused: t('Refused by the provider'), rate_limited: t('Too many calls for the provider'),
  failed: t('Failed at the provider'), unreachable: t('Provider unreachable'), unreadable: t('Answer unreadable'), too_large: t('Too long for the model'), resting: t('Paused after failures'), busy: t('Too many calls at once'),
  calls: t('Limit of calls reached'), tokens: t('Limit of tokens reached'), cost: t('Limit of cost reached'), given_up: t('Given up after failures'),
});

const share = (part, whole) => (whole ? percent(part / whole) : '–');
const percent = (value) => ((value ?? null) === null ? '–' : `${number(value * 100)} %`);
const nameOf = (x) => [x.provider, x.model].filter(Boolean).join(' · ') || '–';

export function Suggestions({ days }) {
  const { found, failed, retry } = useAnswer('/v1/suggestions/stats', { days });
  if (failed) return html`<${Problem} failed=${failed} retry=${retry} />`;
  if (!found) return html`<p class="loading" role="status">${t('Loading …')}</p>`;
  const sum = (name) => found.models.reduce((total, x) => total + x[name], 0);
  const cost = found.usage.reduce((total, x) => total + x.cost, 0);
  return html`<div class="figures" data-suggestions>
      <${Figure} text=${t('Drafted')} shown=${number(sum('drafted'))} /><${Figure} text=${t('Seen by an agent')} shown=${number(sum('shown'))} />
      <${Figure} text=${t('Sent to customers')} shown=${number(sum('sent'))} /><${Figure} text=${t('Unchanged, of those sent')} shown=${share(sum('approved'), sum('sent'))} />
      <${Figure} text=${t('Rejected')} shown=${number(sum('rejected'))} /><${Figure} text=${t('Cost, US dollars')} shown=${number(cost, 2)} /></div>
    ${found.models.length ? html`<${Models} models=${found.models} />` : html`<p class="empty">${t('No reply was suggested in this period.')}</p>`}
    ${found.usage.length > 0 && html`<${Usage} usage=${found.usage} />`}`;
}

function Models({ models }) {
  return html`<h2>${t('What agents did with them')}</h2>
    <${Sheet} label=${t('What agents did with them')} numeric=${[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}
      heads=${[t('Model'), t('Drafted'), t('Seen'), t('Sent unchanged'), t('Sent edited'), t('Words changed'), t('Rejected'), t('Overtaken by a message'), t('Drafted again'), t('Answered by the customer'), t('Confidence')]}
      rows=${models.map((x) => [nameOf(x), nameOf(x), number(x.drafted), number(x.shown), number(x.approved), number(x.edited), percent(x.edit_distance), number(x.rejected), number(x.overtaken), number(x.replaced), share(x.answered, x.sent), percent(x.confidence)])} />
    <p><button type="button" onClick=${() => download('suggestions.csv', [['provider', 'model', ...DRAFTED], ...models.map((x) => [x.provider, x.model, ...DRAFTED.map((name) => x[name])])])}>${t('Export as CSV')}</button></p>`;
}

function Usage({ usage }) {
  const purposes = PURPOSES();
  const outcomes = OUTCOMES();
  return html`<h2>${t('Calls of models')}</h2>
    <${Sheet} label=${t('Calls of models')} numeric=${[3, 4, 5, 6, 7]} heads=${[t('Model'), t('Purpose'), t('Outcome'), t('Calls'), t('Tokens sent'), t('Tokens received'), t('Cost, US dollars'), t('Mean seconds')]}
      rows=${usage.map((x) => [`${nameOf(x)} ${x.purpose} ${x.outcome}`, nameOf(x), purposes[x.purpose] ?? x.purpose, outcomes[x.outcome] ?? x.outcome, number(x.calls), number(x.tokens_in), number(x.tokens_out), number(x.cost, 4), x.calls ? number(x.ms / x.calls / 1000, 2) : '–'])} />
    <p><button type="button" onClick=${() => download('model-calls.csv', [['provider', 'model', ...USED], ...usage.map((x) => [x.provider, x.model, ...USED.map((name) => x[name])])])}>${t('Export calls as CSV')}</button></p>`;
}
