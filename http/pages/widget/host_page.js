// The page around the widget: what it says through the loader, and what it is told. Only pages that the channel's policy lets frame
// this one (`frame-ancestors`) can speak here.
import { signal } from './ui.js';

let port = null;
/** {language, theme, accent}: what the script's attributes say. */
export let given = {};
/** The channel whose policy this page came with. */
export const channel = location.pathname.split('/').at(-1);
export const isOpen = signal(false);
const handlers = { identify: () => null, forget: () => null };
export const onIdentify = (handler) => { handlers.identify = handler; };
export const onForget = (handler) => { handlers.forget = handler; };

const text = (value, most) => (typeof value === 'string' && value.length <= most ? value : undefined);

/** An identity as the page gave it, without what cannot be one. */
function identityOf(found) {
  const { identifier, hash, token, name } = found ?? {};
  return { identifier: text(identifier, 255), hash: text(hash, 128), token: text(token, 4096), name: text(name, 255) };
}

function hear({ data }) {
  if (data.type === 'open') isOpen.value = true;
  else if (data.type === 'close') isOpen.value = false;
  else if (data.type === 'identify') handlers.identify(identityOf(data.identity));
  else if (data.type === 'forget') handlers.forget();
}

/** Tell the page: `started` (whether there is a conversation), `unread`, `message`, `identity-expired`. */
export const tell = (type, detail) => port?.postMessage({ type, detail });

/** Close the widget: at once here, so that what arrives from now on is unread; the page follows. */
export function close() {
  isOpen.value = false;
  tell('close');
}

/** Wait for the loader. Resolves with the identity that the page gives. */
export function connect() {
  if (parent === window) { // opened by its address: a page of its own
    isOpen.value = true;
    return Promise.resolve({});
  }
  return new Promise((resolve) => {
    addEventListener('message', ({ source, data, ports }) => {
      if (source !== parent || data?.type !== 'tertulia:connect' || port) return;
      [port] = ports;
      port.onmessage = hear;
      given = data;
      isOpen.value = data.isOpen === true;
      resolve(identityOf(data.identity));
    });
    parent.postMessage('tertulia:ready', '*'); // no secret: whoever frames this page learns that it has loaded
  });
}
