import { useState } from 'preact/hooks';
import { api, ApiError, type CheckedStrategy } from '../api.ts';
import { num } from '../format.ts';
import { session } from '../live.ts';
import { language, t } from '../text/text.ts';
import { Failure, Panel } from './basics.tsx';
import { Choice } from './choice.tsx';
import { RuleRunButton } from './rule_run_button.tsx';

const EXAMPLE = `name: hourly_reversal
description: Buys after a fall of more than 3 % in a day when oversold.
subject: instrument
thresholds:
  oversold: 30
entry_long: rsi(14) < oversold and close / mean(close, 24) - 1 < -0.03
stop: { bps: 300 }
target: { bps: 200 }
max_age: 24
`;

/** Said of a rule that a search of this installation has tried. */
const SEARCHED = { same: 'strategies.searchedSame', near: 'strategies.searchedNear' } as const;

/** A strategy file that is written here: checked with every problem and its place, said in words, and judged. */
export function RuleEditor({ instruments }: { readonly instruments: readonly string[] }) {
  const [text, setText] = useState(EXAMPLE);
  const [checked, setChecked] = useState<CheckedStrategy | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [chosen, setChosen] = useState<string | null>(null);
  const instrument = chosen ?? instruments[0];
  async function check(): Promise<void> {
    setError(null);
    try {
      setChecked(await api.post('/api/strategies/check', { body: { text } }));
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught;
      setError(caught);
    }
  }
  return (
    <Panel title={t('strategies.editor')}>
      <textarea
        class="rule-text mono"
        aria-label={t('strategies.text')}
        rows={12}
        spellcheck={false}
        value={text}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value);
          setChecked(null);
        }}
      />
      {error !== null && <Failure error={error} />}
      {checked !== null && <Checked checked={checked} />}
      <div class="form fields">
        {instrument !== undefined && (
          <Choice label={t('strategies.instrument')} value={instrument} values={instruments} onChange={setChosen} />
        )}
        <button type="button" class="button" onClick={() => void check()}>
          {t('strategies.check')}
        </button>
        {instrument !== undefined && checked?.valid === true && session.value?.role !== 'viewer' && (
          <RuleRunButton
            label={t('strategies.judge')}
            question={t('strategies.confirmJudge', { instrument })}
            start={() => api.post('/api/strategies/judge', { body: { instrument, text } })}
          />
        )}
      </div>
    </Panel>
  );
}

function Checked({ checked: { sentence, problems, trials, searched } }: { readonly checked: CheckedStrategy }) {
  if (sentence !== null)
    return (
      <div role="status">
        <p>{sentence[language.value]}</p>
        {searched !== null && <p class="bad">{t(SEARCHED[searched.match], { count: num(trials, 0) })}</p>}
      </div>
    );
  return (
    <ul class="problems" role="alert">
      {problems.map(({ code, key, line, column, text }) => (
        <li key={`${code} ${key} ${line} ${column}`} class="bad">
          {line !== null && column !== null && <>{t('strategies.place', { line, column })}: </>}
          <span lang="en">{`${key} ${text}`}</span> <span class="mono note">{code}</span>
        </li>
      ))}
    </ul>
  );
}
