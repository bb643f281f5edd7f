import { computed, signal } from '@preact/signals';

export const PAGES = [
  'overview',
  'subjects',
  'performance',
  'trades',
  'models',
  'runs',
  'backtests',
  'monitor',
  'data',
  'alerts',
  'policy',
  'changes',
  'audit',
] as const;
export type PageName = (typeof PAGES)[number];

export interface Place {
  readonly page: PageName | null;
  /** Rest of the path: a subject. */
  readonly part: string;
  readonly query: URLSearchParams;
}

const address = signal(location.pathname + location.search);
addEventListener('popstate', () => (address.value = location.pathname + location.search));

export const place = computed<Place>(() => {
  const { pathname, searchParams } = new URL(address.value, location.origin);
  const [, first = '', page = 'overview', part = ''] = pathname.split('/');
  const known = first === '' || first === 'app' ? PAGES.find((name) => name === page) : undefined;
  return { page: known ?? null, part: decodeURIComponent(part), query: searchParams };
});

export function pathOf(page: PageName, part = ''): string {
  if (page === 'overview') return '/';
  return `/app/${page}${part === '' ? '' : `/${encodeURIComponent(part)}`}`;
}

export function go(path: string): void {
  if (path === address.value) return;
  history.pushState(null, '', path);
  address.value = path;
  document.getElementById('content')?.focus({ preventScroll: true });
  scrollTo(0, 0);
}

/** Changes the query of the current page without a history entry. */
export function setQuery(name: string, value: string): void {
  const url = new URL(location.href);
  if (value === '') url.searchParams.delete(name);
  else url.searchParams.set(name, value);
  history.replaceState(null, '', url);
  address.value = url.pathname + url.search;
}

/** Handles links within the dashboard without a page load. */
addEventListener('click', (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  const link = (event.target as Element).closest?.('a');
  const isOwn =
    link instanceof HTMLAnchorElement && link.origin === location.origin && !link.download && link.target === '';
  if (!isOwn || !(link.pathname === '/' || link.pathname.startsWith('/app/'))) return;
  event.preventDefault();
  go(link.pathname + link.search);
});
