import { useState } from 'preact/hooks';
import { api, ApiError } from '../api.ts';
import { Failure, Panel, useLoaded } from './basics.tsx';
import { session } from '../live.ts';
import { codeText, t } from '../text/text.ts';

/** The subset of JSON Schema that the form needs: https://json-schema.org/draft/2020-12. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
}

interface Document {
  readonly paths: Readonly<
    Record<
      string,
      { readonly post?: { readonly requestBody?: { readonly content: Record<string, { schema: Schema }> } } }
    >
  >;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

const PATH = '/api/backtests';

/** Form for `POST /api/backtests`, generated from the OpenAPI document; empty if the server has no such endpoint. */
export function BacktestForm({ onStarted }: { readonly onStarted: () => void }) {
  const { data } = useLoaded(async () => (await (await fetch('/api/openapi.json')).json()) as Document, '');
  const [error, setError] = useState<ApiError | null>(null);
  const body = data === null ? undefined : data.paths[PATH]?.post?.requestBody?.content['application/json']?.schema;
  const schema = body === undefined ? null : resolved(data!, body);
  if (schema?.properties === undefined || session.value?.role === 'viewer') return null;
  const fields = Object.entries(schema.properties).map(([name, own]) => [name, resolved(data!, own)] as const);
  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const values = fields.flatMap(([name, own]) => {
      const text = String(form.get(name) ?? '').trim();
      return text === '' ? [] : [[name, valueOf(own, text)] as const];
    });
    try {
      await api.post(PATH, { body: Object.fromEntries(values) });
      setError(null);
      onStarted();
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught;
      setError(caught);
    }
  }
  return (
    <Panel title={t('backtests.start')} wide>
      <form class="form fields" onSubmit={(event) => void submit(event)}>
        {fields.map(([name, own]) => (
          <label key={name} title={own.description}>
            {codeText('field', name)}
            <Field name={name} schema={own} isRequired={schema.required?.includes(name) === true} />
          </label>
        ))}
        <button type="submit" class="button primary">
          {t('backtests.start')}
        </button>
      </form>
      {error !== null && <Failure error={error} />}
    </Panel>
  );
}

function Field({
  name,
  schema,
  isRequired,
}: {
  readonly name: string;
  readonly schema: Schema;
  readonly isRequired: boolean;
}) {
  const given = schema.default === undefined ? '' : String(schema.default);
  const options = schema.enum ?? (schema.type === 'boolean' ? ['true', 'false'] : null);
  if (options !== null)
    return (
      <select name={name} defaultValue={given} required={isRequired}>
        {!isRequired && <option value="" />}
        {options.map((option) => (
          <option key={option} value={option} selected={option === given}>
            {codeText('option', option)}
          </option>
        ))}
      </select>
    );
  const field = { name, defaultValue: given, required: isRequired };
  if (schema.type === 'number' || schema.type === 'integer')
    return <input {...field} type="number" step={schema.type === 'number' ? 'any' : '1'} />;
  return (
    <input {...field} placeholder={schema.format === 'date' ? 'YYYY-MM-DD' : schema.type === 'array' ? 'a, b' : ''} />
  );
}

/** Follows a reference, and selects the first non-null alternative. */
function resolved(document: Document, schema: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1);
  const found = name === undefined ? schema : { ...document.components?.schemas?.[name], ...schema };
  const first = found.anyOf?.find(({ type }) => type !== 'null');
  return first === undefined ? found : { ...resolved(document, first), ...found };
}

function valueOf({ type, items }: Schema, text: string): unknown {
  if (type === 'number' || type === 'integer') return Number(text);
  if (type === 'boolean') return text === 'true';
  if (type === 'array') return text.split(',').map((one) => valueOf(items ?? {}, one.trim()));
  return text;
}
