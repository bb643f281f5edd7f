import { computed, signal } from '@preact/signals';
import { DASHBOARD_PAGES } from '../../shared/dashboard_pages.ts';

export const PAGES = DASHBOARD_PAGES;
export type PageName = (typeof PAGES)[number];

/** Pages whose path goes on with a name. */
const NAMED_PAGES: readonly PageName[] = ['subjects', 'data', 'backtests', 'jobs'];

export interface Place {
  /** null: the path is of no page. */
  readonly page: PageName | null;
  /** What the path names as a page. */
  readonly asked: string;
  /** Rest of the path: a subject, a symbol, or the number of a backtest or a job. */
  readonly part: string;
  readonly query: URLSearchParams;
}

const address = signal(location.pathname + location.search);
addEventListener('popstate', () => (address.value = location.pathname + location.search));

export const place = computed<Place>(() => {
  const { pathname, searchParams } = new URL(address.value, location.origin);
  const [, first = '', asked = '', ...rest] = pathname.split('/').map(decoded);
  // A symbol may be typed as `BTC/USDT`.
  const part = rest.join('/').replace(/\/$/, '');
  const page = PAGES.find((name) => name === (asked === '' ? 'overview' : asked));
  const isPage = first === '' || first === 'app';
  const isNamed = page !== undefined && NAMED_PAGES.includes(page);
  return { page: isPage && (part === '' || isNamed) ? (page ?? null) : null, asked, part, query: searchParams };
});

/** A part of a path; one that is not encoded properly is taken as it is. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The path of a page, with the name of a path that is of no page. */
export function pathKeeping(page: PageName, part: string): string {
  return pathOf(page, NAMED_PAGES.includes(page) ? part : '');
}

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

/** Names the current page as it is spelled, without a history entry. */
export function respell(page: PageName, part: string): void {
  const path = pathOf(page, part);
  if (path === location.pathname) return;
  history.replaceState(null, '', path + location.search);
  address.value = path + location.search;
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
