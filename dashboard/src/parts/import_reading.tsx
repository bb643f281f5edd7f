import { t, type TextKey } from '../text/text.ts';

/** How a file is read, where it does not show it: as the options of `minutehand bars import`. Empty: as it shows. */
export interface Reading {
  readonly as_symbol: string;
  readonly timezone: string;
  readonly epoch_timezone: string;
  readonly decimal: '' | 'point' | 'comma';
  readonly date_order: '' | 'dmy' | 'mdy' | 'ymd';
  readonly stamp: '' | 'open' | 'close';
  readonly spread: '' | 'points' | 'price';
  /** What the prices are: of an import alone. */
  readonly price: '' | 'bid' | 'mid' | 'last';
}

export const NOTHING_TOLD: Reading = {
  as_symbol: '',
  timezone: '',
  epoch_timezone: '',
  decimal: '',
  date_order: '',
  stamp: '',
  spread: '',
  price: '',
};

const CHOICES = {
  decimal: ['', 'point', 'comma'],
  date_order: ['', 'dmy', 'mdy', 'ymd'],
  stamp: ['', 'open', 'close'],
  spread: ['', 'points', 'price'],
  price: ['', 'bid', 'mid', 'last'],
} as const;

const OPTIONS: Readonly<Record<keyof Reading, string>> = {
  as_symbol: '--symbol',
  timezone: '--timezone',
  epoch_timezone: '--epoch-timezone',
  decimal: '--decimal',
  date_order: '--date-order',
  stamp: '--stamp',
  spread: '--spread',
  price: '--price',
};

/** The fields that a person has filled. */
export function givenOf(reading: Reading): Partial<{ [Name in keyof Reading]: Exclude<Reading[Name], ''> }> {
  const given = Object.entries(reading).map(([name, value]) => [name, String(value).trim()] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== ''));
}

/** The command that imports the file as it was looked at. */
export function commandOf(file: string, reading: Reading): string {
  const options = Object.entries(givenOf(reading)).map(
    ([name, value]) => ` ${OPTIONS[name as keyof Reading]} ${value}`,
  );
  return `minutehand bars import ${file}${options.join('')}`;
}

const labelOf = (name: keyof Reading): string => `${t(`preview.as.${name}` as TextKey)} (${OPTIONS[name]})`;

/** The fields of this page that stand for the options that a text of the command names. */
export function namedFields(text: string): readonly string[] {
  const names = Object.keys(OPTIONS) as (keyof Reading)[];
  return names.filter((name) => text.split(/[^a-z-]+/).includes(OPTIONS[name])).map(labelOf);
}

export function ReadingFields(props: { readonly reading: Reading; readonly onChange: (reading: Reading) => void }) {
  const { reading, onChange } = props;
  return (
    <details>
      <summary>{t('preview.reading')}</summary>
      <div class="form fields">
        {(['as_symbol', 'timezone', 'epoch_timezone'] as const).map((name) => (
          <label key={name}>
            {labelOf(name)}
            <input
              type="text"
              maxLength={100}
              placeholder={name === 'as_symbol' ? 'EURUSD' : '+02:00/US'}
              value={reading[name]}
              onInput={({ currentTarget }) => onChange({ ...reading, [name]: currentTarget.value })}
            />
          </label>
        ))}
        {(Object.keys(CHOICES) as (keyof typeof CHOICES)[]).map((name) => (
          <label key={name}>
            {labelOf(name)}
            <select
              value={reading[name]}
              onChange={({ currentTarget }) => onChange({ ...reading, [name]: currentTarget.value })}
            >
              {CHOICES[name].map((value) => (
                <option key={value} value={value}>
                  {value === '' ? t(name === 'price' ? 'preview.asBefore' : 'preview.asShown') : value}
                </option>
              ))}
            </select>
          </label>
        ))}
      </div>
    </details>
  );
}
