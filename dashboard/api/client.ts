import type { paths } from './schema.ts';

type Method = 'get' | 'put' | 'post' | 'delete';
type PathOf<M extends Method> = { [P in keyof paths]: paths[P][M] extends object ? P : never }[keyof paths];
type Operation<P extends keyof paths, M extends Method> = paths[P][M];
type JsonOf<T> = T extends { content: { 'application/json': infer Json } } ? Json : never;
type Answer<O> = O extends { responses: infer R }
  ? { [Status in keyof R]: Status extends 200 | 202 ? JsonOf<R[Status]> : never }[keyof R]
  : never;
type Part<O, Name extends string> = O extends { parameters: { [K in Name]?: infer Value } } ? Value : never;

/** Options of a call besides its path. */
export interface Call<O> {
  readonly path?: Part<O, 'path'>;
  readonly query?: Part<O, 'query'>;
  readonly body?: O extends { requestBody?: infer Body } ? JsonOf<NonNullable<Body>> : never;
  /** The body of a route that takes a file. */
  readonly file?: Blob;
}

export interface ApiOptions {
  /** `http://127.0.0.1:7401`; empty in a page served by the trainer. */
  readonly origin?: string;
  /** `authorization`, or `x-csrf-token` of a session. */
  headers(): Readonly<Record<string, string>>;
}

/** An error response: an error of docs/reference/ERRORS.md. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly next: string;

  constructor(status: number, { code, message, next }: { code: string; message: string; next: string }) {
    super(message);
    this.status = status;
    this.code = code;
    this.next = next;
  }
}

/** null if it is not JSON, such as a proxy's error page. */
function jsonOf(text: string): { readonly error?: { code: string; message: string; next: string } } | null {
  try {
    return JSON.parse(text) as object;
  } catch {
    return null;
  }
}

/** Calls endpoints with the types of the OpenAPI document. */
export function createClient({ origin = '', headers }: ApiOptions) {
  async function call<M extends Method, P extends PathOf<M>>(
    method: M,
    path: P,
    given: Call<Operation<P, M>> = {},
  ): Promise<Answer<Operation<P, M>>> {
    const { body, file } = given;
    const values = (given.path ?? {}) as Record<string, string | number>;
    const url = String(path).replace(/\{(\w+)\}/g, (_all, name: string) => encodeURIComponent(String(values[name])));
    const query = Object.entries((given.query ?? {}) as Record<string, unknown>).filter(
      ([, value]) => value !== undefined,
    );
    const search = new URLSearchParams(query.map(([name, value]): [string, string] => [name, String(value)]));
    const type = file === undefined ? 'application/json' : 'application/octet-stream';
    const sent = file ?? (body === undefined ? undefined : JSON.stringify(body));
    const unreachable = (error: unknown): never => {
      throw new ApiError(0, { code: 'UNREACHABLE', message: String(error), next: '' });
    };
    const response = await fetch(`${origin}${url}${search.size === 0 ? '' : `?${search.toString()}`}`, {
      method: method.toUpperCase(),
      headers: {
        accept: 'application/json',
        ...(sent === undefined ? {} : { 'content-type': type }),
        ...headers(),
      },
      ...(sent === undefined ? {} : { body: sent }),
    }).catch(unreachable);
    const text = await response.text().catch(unreachable);
    const answer = jsonOf(text);
    if (response.ok) return answer as Answer<Operation<P, M>>;
    const { status, statusText } = response;
    throw new ApiError(status, answer?.error ?? { code: String(status), message: statusText, next: '' });
  }
  return {
    get: <P extends PathOf<'get'>>(path: P, given?: Call<Operation<P, 'get'>>) => call('get', path, given),
    put: <P extends PathOf<'put'>>(path: P, given?: Call<Operation<P, 'put'>>) => call('put', path, given),
    post: <P extends PathOf<'post'>>(path: P, given?: Call<Operation<P, 'post'>>) => call('post', path, given),
    delete: <P extends PathOf<'delete'>>(path: P, given?: Call<Operation<P, 'delete'>>) => call('delete', path, given),
  };
}
