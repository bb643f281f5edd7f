import type * as z from 'zod';
import type { ROUTES } from '../../trainer/control/schema/table.ts';

type Routes = typeof ROUTES;
type Method = 'get' | 'put' | 'post' | 'delete';
type NameOf<M extends Method, P extends string> = Extract<`${Uppercase<M>} ${P}`, keyof Routes>;
type PathOf<M extends Method> = keyof Routes extends infer Name
  ? Name extends `${Uppercase<M>} ${infer Path}`
    ? Path
    : never
  : never;
type SchemaOf<M extends Method, P extends string> = Routes[NameOf<M, P>]['schema'];

/** JSON of a response. No schema of the API transforms what it gets, so that the parsed type is that of the text. */
type JsonOf<T> = T extends z.ZodType
  ? z.output<T>
  : T extends { readonly content: { readonly 'application/json': { readonly schema: infer Schema } } }
    ? JsonOf<Schema>
    : never;
/** What a request may leave out has a default. Numbers that are read from the text of a query are given as numbers. */
type Given<T> = T extends z.ZodType ? Typed<z.input<T>, z.output<T>> : never;
type Typed<In, Out> = In extends object
  ? { readonly [K in keyof In]: unknown extends In[K] ? Out[K & keyof Out] : In[K] }
  : In;
type Part<S, Name extends string> = S extends { readonly [K in Name]: infer Schema } ? Given<Schema> : never;

/** The answer to a request that succeeds. */
export type Answer<P extends string, M extends Method = 'get'> =
  SchemaOf<M, P> extends { readonly response: infer R }
    ? { [Status in keyof R]: Status extends 200 | 202 ? JsonOf<R[Status]> : never }[keyof R]
    : never;

/** Options of a call besides its path. */
export interface Call<S> {
  readonly path?: Part<S, 'params'>;
  readonly query?: Part<S, 'querystring'>;
  readonly body?: Part<S, 'body'>;
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

/** Calls routes with the types of their declarations. */
export function createClient({ origin = '', headers }: ApiOptions) {
  async function call<M extends Method, P extends PathOf<M>>(
    method: M,
    path: P,
    given: Call<SchemaOf<M, P>> = {},
  ): Promise<Answer<P, M>> {
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
    if (response.ok) return answer as Answer<P, M>;
    const { status, statusText } = response;
    throw new ApiError(status, answer?.error ?? { code: String(status), message: statusText, next: '' });
  }
  return {
    get: <P extends PathOf<'get'>>(path: P, given?: Call<SchemaOf<'get', P>>) => call('get', path, given),
    put: <P extends PathOf<'put'>>(path: P, given?: Call<SchemaOf<'put', P>>) => call('put', path, given),
    post: <P extends PathOf<'post'>>(path: P, given?: Call<SchemaOf<'post', P>>) => call('post', path, given),
    delete: <P extends PathOf<'delete'>>(path: P, given?: Call<SchemaOf<'delete', P>>) => call('delete', path, given),
  };
}
