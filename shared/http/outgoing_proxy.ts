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
  const { setGlobalProxyFromEnv } = await import('node:http');
  const direct = [env['no_proxy'] ?? env['NO_PROXY'] ?? '', LOCAL].filter((list) => list !== '').join(',');
  setGlobalProxyFromEnv({
    http_proxy: env['http_proxy'] ?? env['HTTP_PROXY'],
    https_proxy: env['https_proxy'] ?? env['HTTPS_PROXY'],
    no_proxy: direct,
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
