import { useState } from 'preact/hooks';
import { api } from '../api.ts';
import { session } from '../live.ts';
import { t } from '../text/text.ts';
import { ConfirmedButton, Empty, Panel } from './basics.tsx';

interface Props {
  readonly spaces: readonly string[];
  readonly instruments: readonly string[];
}

/** Starts a search of rules in a configured space. */
export function SearchStart({ spaces, instruments }: Props) {
  const [chosenSpace, setSpace] = useState<string | null>(null);
  const [chosenInstrument, setInstrument] = useState<string | null>(null);
  const [begun, setBegun] = useState<number | null>(null);
  if (session.value?.role === 'viewer') return null;
  const space = chosenSpace ?? spaces[0];
  const instrument = chosenInstrument ?? instruments[0];
  return (
    <Panel title={t('strategies.start')}>
      {space === undefined || instrument === undefined ? (
        <Empty text={t('strategies.noInstruments')} />
      ) : (
        <div class="form fields">
          <Choice label={t('strategies.space')} value={space} values={spaces} onChange={setSpace} />
          <Choice label={t('strategies.instrument')} value={instrument} values={instruments} onChange={setInstrument} />
          <ConfirmedButton
            label={t('strategies.start')}
            question={t('strategies.confirmStart', { space, instrument })}
            act={async () => {
              const { run_id } = await api.post('/api/strategies/start', { body: { space, instrument } });
              setBegun(run_id);
            }}
          />
          <span class="note" role="status">
            {begun !== null && t('strategies.begun', { id: begun })}
          </span>
        </div>
      )}
    </Panel>
  );
}

/** One of several names. */
export function Choice(props: {
  readonly label: string;
  readonly value: string;
  readonly values: readonly string[];
  readonly onChange: (value: string) => void;
}) {
  return (
    <label>
      {props.label}
      <select value={props.value} onChange={({ currentTarget }) => props.onChange(currentTarget.value)}>
        {props.values.map((value) => (
          <option key={value} value={value}>
            {value}
          </option>
        ))}
      </select>
    </label>
  );
}
