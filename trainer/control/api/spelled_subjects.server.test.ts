import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bearer, openApiWorkplace, type Answer, type ApiWorkplace } from './api.fixture.ts';
import { SUBJECT_FIELDS } from './spelled_subjects.ts';

interface BodySchema {
  readonly $ref?: string;
  readonly anyOf?: readonly BodySchema[];
  readonly properties?: Readonly<Record<string, unknown>>;
}

interface Operation {
  readonly parameters?: readonly { readonly name: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: BodySchema }>> };
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, BodySchema>> };
}

const PAIR = 'EURUSD_GBPUSD';
const SPELLINGS = ['eurusd_gbpusd', 'EUR/USD_GBP/USD', 'eur-usd_gbp-usd', ' EURUSD_gbpusd '];
/** What else a route needs, so that it answers to the subject and not to something that is absent. */
const OTHERS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'GET /api/candles': { from: '2026-11-20T12:00:00Z', to: '2026-11-20T13:00:00Z' },
  'GET /api/formulas': { formula: 'z_score' },
  'GET /api/explain': { time: '2026-11-20T12:35Z' },
  'POST /api/stops': { kind: 'entries', reason: 'a test of spellings' },
  'POST /api/bars/leave-out': { reason: 'a test of spellings' },
  'POST /api/ml/predict': { feature_schema: 'another', features: [] },
};

let api: ApiWorkplace;
let headers: { readonly authorization: string };
beforeAll(async () => {
  api = await openApiWorkplace();
  headers = bearer(await api.token('approver', 'ann'));
});
afterAll(() => api.close());

describe('a subject at the API, in any spelling', () => {
  it('is the configured one at every route that takes one', async () => {
    const { body: document } = await api.ask('GET', '/api/openapi.json', { headers });
    const { paths, components } = document as unknown as Document;
    const fieldsOf = ({ $ref, anyOf = [], properties = {} }: BodySchema): string[] => {
      const named = $ref === undefined ? [] : fieldsOf(components.schemas[$ref.split('/').at(-1)!]!);
      return [...named, ...anyOf.flatMap(fieldsOf), ...Object.keys(properties)];
    };
    const tried: string[] = [];
    for (const [path, operations] of Object.entries(paths))
      for (const [method, { parameters = [], requestBody }] of Object.entries(operations)) {
        const properties = fieldsOf(requestBody?.content['application/json']?.schema ?? {});
        const isOne = (name: string): boolean => (SUBJECT_FIELDS as readonly string[]).includes(name);
        const inUrl = parameters.map(({ name }) => name).filter(isOne);
        for (const field of [...inUrl, ...properties.filter(isOne)]) {
          const route = `${method.toUpperCase()} ${path}`;
          const ask = (subject: string): Promise<Answer> => {
            const value = field.endsWith('s') ? [subject] : subject;
            const given = { ...OTHERS[route], [field]: value };
            if (!inUrl.includes(field)) return api.ask(method.toUpperCase(), path, { headers, body: given });
            const query = new URLSearchParams(given as Record<string, string>);
            return api.ask(method.toUpperCase(), `${path}?${query.toString()}`, { headers });
          };
          const known = plain(await ask(PAIR));
          expect(known, route).not.toContain('REQUEST_INVALID');
          for (const spelling of SPELLINGS) expect(plain(await ask(spelling)), `${route} ${spelling}`).toBe(known);
          tried.push(`${route} ${field}`);
        }
      }
    expect(tried.sort()).toMatchInlineSnapshot(`
      [
        "GET /api/candles symbol",
        "GET /api/explain subject",
        "GET /api/formulas subject",
        "GET /api/ml/predict subject",
        "GET /api/signals subject",
        "GET /api/signals/history subject",
        "GET /api/spelling subject",
        "GET /api/trades subject",
        "POST /api/automl-features/generate symbol",
        "POST /api/backtests pairs",
        "POST /api/bars/delete symbol",
        "POST /api/bars/leave-out symbol",
        "POST /api/ml-training/train symbol",
        "POST /api/ml/predict subject",
        "POST /api/ml/train symbol",
        "POST /api/stops subjects",
        "POST /api/stops/resume subjects",
      ]
    `);
  });
});

/** Status and body, without times and numbers of runs. */
function plain({ status, text }: Answer): string {
  return `${status} ${text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z|"\w*(?:_ms|_id|at|number)":"?[\w.-]+"?|[0-9a-f-]{36}/g, '…')}`;
}
