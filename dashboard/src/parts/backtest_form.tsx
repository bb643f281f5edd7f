import { useState } from 'preact/hooks';
import { api, ApiError, type Backtests } from '../api.ts';
import { minuteOf } from '../format.ts';
import { Failure, Panel, useLoaded } from './basics.tsx';
import { currentModel, session, subjects } from '../live.ts';
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
export function BacktestForm(props: {
  /** Versions that can be tested, newest first. */
  readonly models: readonly string[];
  /** Opens of the first and the last bar; null: none, or not known yet. */
  readonly bars: BarSpan | null;
  readonly onStarted: () => void;
}) {
  const { data } = useLoaded(async () => (await (await fetch('/api/openapi.json')).json()) as Document, '');
  const [error, setError] = useState<ApiError | null>(null);
  const [wrong, setWrong] = useState<Wrong | null>(null);
  const body = data === null ? undefined : data.paths[PATH]?.post?.requestBody?.content['application/json']?.schema;
  const schema = body === undefined ? null : resolved(data!, body);
  if (schema?.properties === undefined || session.value?.role === 'viewer') return null;
  const fields = Object.entries(schema.properties).map(([name, own]) => [name, resolved(data!, own)] as const);
  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const values = fields.flatMap(([name, own]) => {
      const texts = form.getAll(name).map((text) => String(text).trim());
      const given = [...new Set(texts.filter((text) => text !== ''))];
      return given.length === 0 ? [] : [[name, valueOf(own, given)] as const];
    });
    const found = wrongIn(Object.fromEntries(values), props.bars);
    setWrong(found);
    setError(null);
    if (found !== null) return;
    try {
      await api.post(PATH, { body: Object.fromEntries(values) });
      props.onStarted();
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught;
      const name = fieldIn(
        caught.message,
        fields.map(([own]) => own),
      );
      if (name === null) setError(caught);
      else setWrong({ name, text: `${caught.code}: ${caught.message} ${caught.next}` });
    }
  }
  return (
    <Panel title={t('backtests.start')} wide>
      <form class="form fields" noValidate onInput={() => setWrong(null)} onSubmit={(event) => void submit(event)}>
        {fields.map(([name, own]) =>
          name === 'pairs' ? (
            <PairsField key={name} wrong={wrong} />
          ) : (
            <label key={name} title={own.description}>
              {codeText('field', name)}
              {name === 'models' ? (
                <ModelsField models={props.models} />
              ) : (
                <Field
                  name={name}
                  schema={own}
                  isRequired={schema.required?.includes(name) === true}
                  isWrong={wrong?.name === name}
                />
              )}
              <FieldNote name={name} wrong={wrong} bars={props.bars} />
            </label>
          ),
        )}
        <button type="submit" class="button primary">
          {t('backtests.start')}
        </button>
      </form>
      {error !== null && <Failure error={error} />}
    </Panel>
  );
}

type BarSpan = NonNullable<Backtests['bars']>;

/** A field whose value is refused, and why. */
interface Wrong {
  readonly name: string;
  readonly text: string;
}

/** What the server would refuse, in the language of the page. */
function wrongIn(values: Readonly<Record<string, unknown>>, bars: BarSpan | null): Wrong | null {
  const { from, to, theta1, theta2 } = values as Readonly<Record<string, string | number | undefined>>;
  if (from !== undefined && to !== undefined && String(from) >= String(to))
    return { name: 'to', text: t('backtests.wrongPeriod') };
  if (bars !== null && from !== undefined && String(from) > bars.to)
    return { name: 'from', text: t('backtests.afterBars', { to: minuteOf(bars.to) }) };
  if (bars !== null && to !== undefined && String(to) <= bars.from)
    return { name: 'to', text: t('backtests.beforeBars', { from: minuteOf(bars.from) }) };
  for (const [name, value] of [
    ['theta1', theta1],
    ['theta2', theta2],
  ] as const)
    if (value !== undefined && !(Number(value) >= 0 && Number(value) <= 1))
      return { name, text: t('backtests.wrongTheta') };
  return null;
}

/** The field that the server's message names as a word; null when it names none. */
function fieldIn(message: string, names: readonly string[]): string | null {
  return names.find((name) => new RegExp(`\\b${name}\\b`).test(message)) ?? null;
}

/** What an empty field means, or why its value is refused. */
function FieldNote({ name, wrong, bars = null }: FieldNoteProps) {
  if (wrong?.name === name)
    return (
      <span class="bad" role="alert">
        {wrong.text}
      </span>
    );
  const note = codeText('fieldNote', name);
  if (note === name) return null;
  const edge = bars === null || !(name === 'from' || name === 'to') ? '' : ` (${minuteOf(bars[name])})`;
  return <span class="note">{`${note}${edge}`}</span>;
}

interface FieldNoteProps {
  readonly name: string;
  readonly wrong: Wrong | null;
  readonly bars?: BarSpan | null;
}

/** One bundle, or two to compare; the active one unless chosen. */
function ModelsField({ models }: { readonly models: readonly string[] }) {
  const active = currentModel.value?.version ?? '';
  return (
    <>
      {(['backtests.activeModels', 'backtests.noSecond'] as const).map((empty, i) => (
        <select key={empty} name="models" aria-label={t(i === 0 ? 'backtests.first' : 'backtests.second')}>
          <option value={i === 0 ? active : ''}>{t(empty)}</option>
          {models.map((version) => (
            <option key={version} value={version}>
              {version}
            </option>
          ))}
        </select>
      ))}
    </>
  );
}

/** All pairs unless some are chosen. */
function PairsField({ wrong }: { readonly wrong: Wrong | null }) {
  const pairs = subjects.value.filter(({ kind }) => kind === 'pair');
  return (
    <fieldset class="choices">
      <legend>{codeText('field', 'pairs')}</legend>
      <details>
        <summary>{t('backtests.choosePairs', { count: pairs.length })}</summary>
        {pairs.map(({ subject, label }) => (
          <label key={subject} class="check">
            <input type="checkbox" name="pairs" value={subject} />
            {label}
          </label>
        ))}
      </details>
      <FieldNote name="pairs" wrong={wrong} />
    </fieldset>
  );
}

function Field({
  name,
  schema,
  isRequired,
  isWrong,
}: {
  readonly name: string;
  readonly schema: Schema;
  readonly isRequired: boolean;
  readonly isWrong: boolean;
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
  const field = { name, defaultValue: given, required: isRequired, 'aria-invalid': isWrong };
  if (schema.type === 'number' || schema.type === 'integer')
    return <input {...field} type="number" step={schema.type === 'number' ? 'any' : '1'} />;
  if (schema.format === 'date') return <input {...field} type="date" />;
  return <input {...field} type="text" />;
}

/** Follows a reference, and selects the first non-null alternative. */
function resolved(document: Document, schema: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1);
  const found = name === undefined ? schema : { ...document.components?.schemas?.[name], ...schema };
  const first = found.anyOf?.find(({ type }) => type !== 'null');
  return first === undefined ? found : { ...resolved(document, first), ...found };
}

function valueOf({ type, items }: Schema, texts: readonly string[]): unknown {
  const [text = ''] = texts;
  if (type === 'number' || type === 'integer') return Number(text);
  if (type === 'boolean') return text === 'true';
  if (type === 'array') return texts.map((one) => valueOf(items ?? {}, [one]));
  return text;
}
