import { useEffect, useRef, useState } from 'preact/hooks';
import { api, ApiError, type FormulaTrial } from '../api.ts';
import { num } from '../format.ts';
import { subjects } from '../live.ts';
import { Failure, Loading, Panel } from '../parts/basics.tsx';
import { Choice } from '../parts/choice.tsx';
import { FormulaFault } from '../parts/formula_fault.tsx';
import { FormulaResult } from '../parts/formula_result.tsx';
import { place, setQuery } from '../router.ts';
import { t } from '../text/text.ts';

const DAYS = ['1', '3', '7', '14', '31'] as const;
const USUAL_DAYS = '7';
/** From the last key to the check. */
const SETTLED_MS = 300;
const EXAMPLES = {
  pair: 'zscore(log(a.close) - log(b.close), 240)',
  instrument: 'ema(close, 24) / close - 1',
} as const;

type Trial = NonNullable<FormulaTrial['tried']>;

/** A formula that is written here: checked as it is typed, and tried on the newest bars of a subject (`?subject=`). */
export default function FormulasPage() {
  const ids = subjects.value.map(({ subject }) => subject);
  const asked = place.value.query.get('subject');
  const subject = ids.find((id) => id === asked) ?? ids[0];
  if (subject === undefined) return <Loading />;
  return <Editor key={kindOf(subject)} subject={subject} ids={ids} />;
}

function kindOf(id: string): 'pair' | 'instrument' {
  return subjects.value.find(({ subject }) => subject === id)?.kind ?? 'pair';
}

function Editor({ subject, ids }: { readonly subject: string; readonly ids: readonly string[] }) {
  const [formula, setFormula] = useState<string>(EXAMPLES[kindOf(subject)]);
  const [days, setDays] = useState<string>(USUAL_DAYS);
  const [shown, setShown] = useState<FormulaTrial | null>(null);
  const [tried, setTried] = useState<Trial | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [isBusy, setBusy] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  /** Number of the newest question: the answers to earlier ones are dropped. */
  const question = useRef(0);
  /** Text, subject and days of the newest trial: a check of the same would drop its answer. */
  const triedFor = useRef<string | null>(null);
  const current = JSON.stringify([formula, subject, days]);

  async function ask(overDays: number): Promise<void> {
    const own = ++question.current;
    if (overDays > 0) triedFor.current = current;
    setBusy(overDays > 0);
    try {
      const answer = await api.get('/api/formulas', { query: { subject, formula, days: overDays } });
      if (own !== question.current) return;
      setShown(answer);
      setError(null);
      if (answer.tried !== null) setTried(answer.tried);
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught;
      if (own === question.current) setError(caught);
    } finally {
      if (own === question.current) setBusy(false);
    }
  }

  // What was tried is of another text or subject.
  useEffect(() => {
    if (triedFor.current === current) return;
    triedFor.current = null;
    setTried(null);
    question.current++;
    setBusy(false);
    const timer = setTimeout(() => {
      if (triedFor.current !== current) void ask(0);
    }, SETTLED_MS);
    return () => clearTimeout(timer);
  }, [current]);

  const fault = shown?.fault ?? null;
  const checked = shown?.checked ?? null;
  return (
    <>
      <Panel title={t('formulas.title')} wide>
        <p class="note">{t('formulas.intro')}</p>
        <textarea
          ref={field}
          class="rule-text mono"
          aria-label={t('formulas.text')}
          aria-invalid={fault !== null}
          rows={4}
          spellcheck={false}
          value={formula}
          onInput={({ currentTarget }) => setFormula(currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
            event.preventDefault();
            void ask(Number(days));
          }}
        />
        {fault !== null && (
          <FormulaFault
            formula={formula}
            fault={fault}
            onShow={() => {
              field.current?.focus();
              field.current?.setSelectionRange(fault.column - 1, fault.column);
            }}
          />
        )}
        {checked !== null && (
          <p role="status" class="note">
            <span class="mono">{checked.formula}</span> ·{' '}
            {t('formulas.checked', { bars: num(checked.look_back_bars, 0), unit: checked.unit })}
            {checked.is_column ? '' : ` · ${t('formulas.noColumn')}`}
          </p>
        )}
        {error !== null && <Failure error={error} />}
        <div class="form fields">
          <Choice
            label={t('formulas.subject')}
            value={subject}
            values={ids}
            onChange={(id) => setQuery('subject', id)}
          />
          <Choice label={t('formulas.days')} value={days} values={DAYS} onChange={setDays} />
          <button
            type="button"
            class="button primary"
            disabled={isBusy || fault !== null}
            onClick={() => void ask(Number(days))}
          >
            {isBusy ? `${t('formulas.running')}…` : t('formulas.try')}
          </button>
        </div>
      </Panel>
      {tried !== null && checked !== null && (
        <FormulaResult tried={tried} checked={checked} isInstrument={kindOf(subject) === 'instrument'} />
      )}
    </>
  );
}
