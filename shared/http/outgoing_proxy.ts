import { isIPv4 } from 'node:net';
import { MinutehandError } from '../errors.ts';

const PROXIES = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'] as const;
/** Daemon and trainer of this machine are never behind a proxy. */
const LOCAL = 'localhost,127.0.0.1,::1';

/**
 * Sends what this process asks of other machines by HTTP through the proxy that the environment names, as curl, git and
 * pip do. Addresses of this machine, and those of NO_PROXY, are asked directly.
 * @throws MinutehandError CONFIG_INVALID when a variable holds no URL of a proxy
 */
export async function useProxyOfEnvironment(env: NodeJS.ProcessEnv): Promise<void> {
  const named = PROXIES.filter((name) => (env[name] ?? '') !== '');
  if (named.length === 0) return;
  for (const name of named) checkProxy(name, env[name]!);
  const direct = directPlaces(env['no_proxy'] ?? env['NO_PROXY'] ?? '');
  if (direct.includes('*')) return;
  const { setGlobalProxyFromEnv } = await import('node:http');
  setGlobalProxyFromEnv({
    http_proxy: env['http_proxy'] ?? env['HTTP_PROXY'],
    https_proxy: env['https_proxy'] ?? env['HTTPS_PROXY'],
    no_proxy: [...direct, LOCAL].join(),
  });
}

/**
 * The entries of NO_PROXY as curl and pip read them, in the words of Node: a domain, with or without a dot before it,
 * holds for itself and for all hosts below it.
 */
function directPlaces(list: string): string[] {
  return list.split(/[\s,]+/).flatMap((entry) => {
    if (entry === '') return [];
    const domain = entry.replace(/^\*?\./, '');
    return /^[\w.-]+$/.test(domain) && !isIPv4(domain) ? [domain, `.${domain}`] : [entry];
  });
}

function checkProxy(name: string, value: string): void {
  const url = URL.parse(value);
  if (url !== null && ['http:', 'https:'].includes(url.protocol)) return;
  throw new MinutehandError('CONFIG_INVALID', {
    // It may hold a password.
    seen: `${name} is no URL of a proxy (http:// or https://)`,
    next: `Write ${name} as http://host:port, or remove it.`,
  });
}
