import type { ZodType } from 'zod';
import type { ErrorCode } from '../../../shared/errors.ts';
import type { Role } from '../../store/schema/access.ts';
import * as z from 'zod';
import { failedGateSchema } from '../../../shared/bundle/gates/gate_schema.ts';

const refusalSchema = z
  .object({
    error: z.object({
      code: z.string().describe('Code of docs/reference/ERRORS.md'),
      message: z.string().describe('What was seen and expected'),
      next: z.string().describe('Next step'),
      gates: z.array(failedGateSchema).optional().describe('Of MODEL_GATES: the failed gates'),
    }),
  })
  .meta({ id: 'Refusal', description: 'Every error' });

/** Error responses of every guarded route. */
const REFUSALS = { '4xx': refusalSchema, '5xx': refusalSchema } as const;

type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';
/** As the OpenAPI document spells it: `POST /api/alerts/{alert_id}/ack`. */
type RouteName = `${Method} /api/${string}`;

/** A body of other types than JSON. */
interface OtherContent {
  readonly description: string;
  readonly content: Readonly<Record<string, { readonly schema: ZodType }>>;
}

/** What a route takes and answers, and who may ask it. The common error responses are added to it. */
interface RouteDeclaration {
  readonly role: Role | 'public';
  /** Its own errors, besides those of every route. */
  readonly errors?: readonly ErrorCode[];
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly consumes?: readonly string[];
  readonly produces?: readonly string[];
  readonly params?: ZodType;
  readonly querystring?: ZodType;
  readonly body?: ZodType;
  readonly response: Readonly<Record<number, ZodType | OtherContent>>;
}

interface Route<D extends RouteDeclaration> {
  readonly method: Method;
  readonly url: string;
  readonly config: { readonly role: D['role']; readonly errors: readonly ErrorCode[] | null };
  readonly schema: Omit<D, 'role' | 'errors' | 'response'> & { readonly response: D['response'] & typeof REFUSALS };
}

type Routes<D> = { readonly [Name in keyof D]: D[Name] extends RouteDeclaration ? Route<D[Name]> : never };

/** The only declaration of each route: fastify takes it with a handler, the types of the dashboard's client are its. */
export function routes<D extends Readonly<Record<RouteName, RouteDeclaration>>>(declarations: D): Routes<D> {
  const made = Object.entries<RouteDeclaration>(declarations).map(([name, declaration]) => {
    const { role, errors = null, response, ...schema } = declaration;
    const [method, path] = name.split(' ') as [Method, string];
    const url = path.replace(/\{(\w+)\}/g, ':$1');
    return [
      name,
      { method, url, config: { role, errors }, schema: { ...schema, response: { ...response, ...REFUSALS } } },
    ];
  });
  return Object.fromEntries(made) as Routes<D>;
}
