import { ask, jsonOf, ServerRests } from '../../../shared/outgoing.ts';
import { MinutehandError } from '../../../shared/errors.ts';

const TIMEOUT_MS = 20_000;

export interface PullRequest {
  readonly number: number;
  readonly url: string;
}

export interface NewPullRequest {
  readonly branch: string;
  readonly base: string;
  readonly title: string;
  readonly body: string;
}

/** Pull requests (GitHub) or merge requests (GitLab) of a repository. All throw MinutehandError PULL_REQUEST_FAILED. */
export interface GitHost {
  open(request: NewPullRequest): Promise<PullRequest>;
  /** Merges it when its head is still this commit. */
  merge(number: number, head: string): Promise<void>;
  close(number: number): Promise<void>;
}

/** @returns null where the remote is no GitHub or GitLab, or no token is configured: plain Git serves then */
export function gitHostOf(remote: string | null, env: NodeJS.ProcessEnv): GitHost | null {
  const token = env['MINUTEHAND_POLICY_TOKEN'];
  if (remote === null || token === undefined || token === '') return null;
  const found = /^(?:https?:\/\/(?:[^@/]*@)?|ssh:\/\/[^@/]*@|[^@/]+@)([^/:]+)(?::\d+)?[/:](.+?)(?:\.git)?\/?$/.exec(
    remote,
  );
  const api = env['MINUTEHAND_POLICY_API']?.replace(/\/$/, '');
  const path = found?.[2];
  if (path === undefined) return null;
  const host = found![1]!;
  if (host === 'github.com' || (api !== undefined && !/\/api\/v4$/.test(api)))
    return github(api ?? 'https://api.github.com', path, token);
  if (host === 'gitlab.com' || api !== undefined) return gitlab(api ?? 'https://gitlab.com/api/v4', path, token);
  return null;
}

function github(api: string, path: string, token: string): GitHost {
  const headers = {
    authorization: `Bearer ${token}`,
    accept: 'application/vnd.github+json',
    'x-github-api-version': '2022-11-28',
  };
  const call = (method: string, rest: string, body: object) =>
    send(`${api}/repos/${path}/${rest}`, method, headers, body);
  return {
    async open({ branch, base, title, body }) {
      const { number, html_url } = await call('POST', 'pulls', { title, head: branch, base, body });
      return { number: Number(number), url: String(html_url) };
    },
    merge: async (number, sha) => void (await call('PUT', `pulls/${number}/merge`, { sha, merge_method: 'merge' })),
    close: async (number) => void (await call('PATCH', `pulls/${number}`, { state: 'closed' })),
  };
}

function gitlab(api: string, path: string, token: string): GitHost {
  const own = `${api}/projects/${encodeURIComponent(path)}/merge_requests`;
  const call = (method: string, rest: string, body: object) =>
    send(`${own}${rest}`, method, { 'private-token': token }, body);
  return {
    async open({ branch, base, title, body }) {
      const request = { source_branch: branch, target_branch: base, title, description: body };
      const { iid, web_url } = await call('POST', '', request);
      return { number: Number(iid), url: String(web_url) };
    },
    merge: async (number, sha) => void (await call('PUT', `/${number}/merge`, { sha })),
    close: async (number) => void (await call('PUT', `/${number}`, { state_event: 'close' })),
  };
}

async function send(
  url: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  body: object,
): Promise<Record<string, unknown>> {
  let status = 0;
  try {
    const response = await ask(url, {
      method,
      headers: { ...headers, 'content-type': 'application/json', 'user-agent': 'minutehand' },
      body: JSON.stringify(body),
      redirect: 'error',
      withinMs: TIMEOUT_MS,
      // Both hosts limit what one account asks.
      place: new URL(url).origin,
    });
    status = response.status;
    const answer = (jsonOf(response) ?? {}) as Record<string, unknown>;
    if (response.ok) return answer;
    throw new Error(JSON.stringify(answer['message'] ?? answer['error'] ?? ''));
  } catch (cause) {
    const rests = cause instanceof ServerRests ? cause.message : 'no answer';
    const why = status === 0 ? rests : `status ${status} ${(cause as Error).message}`;
    throw new MinutehandError('PULL_REQUEST_FAILED', { seen: `${method} ${url}: ${why}`.slice(0, 500), cause });
  }
}
