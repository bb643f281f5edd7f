import { ERRORS, type ErrorCode } from '../../../../shared/errors.ts';
import { escapeHtml } from '../../../learning/backtest/report/chart.ts';
import { htmlPage, htmlTable } from '../../../learning/backtest/report/page.ts';
import { COMMON_ERRORS } from '../../schema/route_errors.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
  readonly description?: string;
}

type Content = Readonly<Record<string, { readonly schema?: Schema }>>;

interface Operation {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema?: Schema;
  }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses?: Readonly<Record<string, { readonly content?: Content }>>;
  readonly 'x-role'?: string;
  readonly 'x-errors'?: readonly ErrorCode[];
}

export interface OpenApiDocument {
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

/** The OpenAPI document as one HTML page without scripts. */
export function apiPage({ info, paths, components }: OpenApiDocument): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
  );
  const tags = [...new Set(operations.map(({ operation }) => operation.tags?.[0] ?? 'other'))].sort();
  const named = Object.entries(components?.schemas ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return htmlPage(`${info.title} API`, [
    `<h1>${escapeHtml(info.title)} API, version ${escapeHtml(info.version)}</h1>`,
    '<p>As a document for programs: <a href="/api/openapi.json">/api/openapi.json</a>. Guides and reference: <a href="/docs">/docs</a>.</p>',
    ...tags.flatMap((tag) => [
      `<h2>${escapeHtml(tag)}</h2>`,
      ...operations
        .filter(({ operation }) => (operation.tags?.[0] ?? 'other') === tag)
        .map(({ name, operation }) => sectionOf(name, operation)),
    ]),
    '<h2>Schemas</h2>',
    ...named.map(([name, schema]) => `<h3 id="${idOf(name)}">${escapeHtml(name)}</h3>${schemaHtml(schema)}`),
    '<h2>Errors</h2>',
    htmlTable(
      ['code', 'status', 'meaning', 'next step'],
      errorsIn(operations.map(({ operation }) => operation)).map((code) => {
        const { status, message, next } = ERRORS[code];
        return [code, String(status), message, next];
      }),
    ),
  ]);
}

function sectionOf(name: string, operation: Operation): string {
  const { summary, parameters = [], requestBody, responses } = operation;
  const answers = Object.entries(responses ?? {}).filter(([status]) => status.startsWith('2'));
  return [
    `<h3 id="${idOf(name)}">${escapeHtml(name)}</h3><p>${escapeHtml(summary ?? '')}. Role: ${escapeHtml(operation['x-role'] ?? 'none')}.</p>`,
    parameters.length === 0
      ? ''
      : htmlTable(
          ['parameter', 'in', 'type', 'needed', 'meaning'],
          parameters.map((one) => [
            one.name,
            one.in,
            typeOf(one.schema),
            one.required === true ? 'yes' : 'no',
            one.description ?? one.schema?.description ?? '',
          ]),
        ),
    ...contentHtml('Body', requestBody?.content),
    ...answers.flatMap(([status, { content }]) => contentHtml(`Response ${status}`, content)),
    `<p>Errors: ${errorsOf(operation)
      .map((code) => `${code} (${ERRORS[code].status})`)
      .join(', ')}.</p>`,
  ].join('\n');
}

function contentHtml(title: string, content: Content = {}): string[] {
  return Object.entries(content).map(
    ([type, { schema }]) => `<p>${title}, ${escapeHtml(type)}:</p>${schema === undefined ? '' : schemaHtml(schema)}`,
  );
}

function schemaHtml(schema: Schema): string {
  const own = schema.anyOf?.find(({ type }) => type === 'object') ?? schema;
  if (schema.$ref !== undefined)
    return `<p><a href="#${idOf(nameOf(schema.$ref))}">${escapeHtml(typeOf(schema))}</a></p>`;
  const properties = Object.entries(own.properties ?? {});
  if (properties.length === 0) return `<p>${escapeHtml(`${typeOf(schema)} ${schema.description ?? ''}`)}</p>`;
  const rows = properties.map(([name, one]) => [
    name,
    typeOf(one),
    own.required?.includes(name) === true ? 'yes' : 'no',
    one.description ?? '',
  ]);
  return htmlTable(['field', 'type', 'needed', 'meaning'], rows);
}

function typeOf(schema: Schema | undefined): string {
  if (schema === undefined) return 'any';
  if (schema.$ref !== undefined) return nameOf(schema.$ref);
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(', ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const type = [schema.type ?? 'any'].flat().join(' or ');
  const range =
    schema.minimum === undefined && schema.maximum === undefined
      ? ''
      : ` ${schema.minimum ?? ''}…${schema.maximum !== undefined && schema.maximum < Number.MAX_SAFE_INTEGER ? schema.maximum : ''}`;
  if (type === 'array') return `list of ${typeOf(schema.items)}`;
  const byDefault = schema.default === undefined ? '' : `, default ${JSON.stringify(schema.default)}`;
  return `${type}${schema.format === undefined ? '' : ` (${schema.format})`}${range}${byDefault}`;
}

function errorsOf(operation: Operation): readonly ErrorCode[] {
  return [...COMMON_ERRORS, ...(operation['x-errors'] ?? [])];
}

function errorsIn(operations: readonly Operation[]): ErrorCode[] {
  return [...new Set(operations.flatMap(errorsOf))].sort();
}

const nameOf = (ref: string): string => ref.slice(ref.lastIndexOf('/') + 1);
const idOf = (name: string): string => name.replace(/[^\w]+/g, '-');
