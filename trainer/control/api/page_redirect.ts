import type { IncomingMessage } from 'node:http';
import { DASHBOARD_PAGES } from '../../../shared/dashboard_pages.ts';

const PAGE = /^\/([a-z]+)(?=[/?]|$)/;

/**
 * Where a browser is sent that asks for a page of the dashboard without `/app`, as a person types it: `/performance`,
 * and `/models`, which programs read as JSON. They do not ask for HTML.
 * @returns null for every other request
 */
export function pageWithoutApp({ method, url = '', headers: { accept = '' } }: IncomingMessage): string | null {
  if (method !== 'GET' || !accept.includes('text/html')) return null;
  const [, name] = PAGE.exec(url) ?? [];
  return DASHBOARD_PAGES.some((page) => page === name) ? `/app${url}` : null;
}
