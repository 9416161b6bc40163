// What the address says: #/inbox/<view>/<conversation>, #/admin/<page>, #/reports. Nothing secret is ever in it.
import { computed, signal } from './ui.js';

const address = signal(location.hash);
addEventListener('hashchange', () => { address.value = location.hash; });

const AREAS = ['inbox', 'floor', 'reports', 'admin', 'preferences'];
const VIEWS = ['mine', 'unassigned', 'queue', 'all'];

function parts() {
  try {
    return address.value.replace(/^#\/?/, '').split('/').filter(Boolean).map(decodeURIComponent);
  } catch {
    return []; // a broken escape
  }
}

/** The place on the page. An address that names none is the inbox. */
export const route = computed(() => {
  const [area, ...rest] = parts();
  if (!AREAS.includes(area)) return { area: 'inbox', view: 'mine', id: null };
  if (area === 'inbox') return { area, view: VIEWS.includes(rest[0]) ? rest[0] : 'mine', id: rest[1] ?? null };
  return { area, page: rest[0] ?? null, id: rest[1] ?? null };
});

export function go(...parts) {
  const hash = `#/${parts.filter(Boolean).map(encodeURIComponent).join('/')}`;
  if (location.hash === hash) return;
  location.hash = hash;
  address.value = hash;
}

export const openConversation = (id) => go('inbox', route.peek().view ?? 'mine', id);
