import { FILLS_STREAM } from '../../../shared/fill/fill.ts';

interface Reported {
  readonly account: string;
  /** The file that contains the fill, or the stream. */
  readonly place: string;
}

/** The folder of a result.json, which names the program; the stream while no file has the fill. */
export function programName(place: string): string {
  return place === FILLS_STREAM ? place : (place.split(/[/\\]/).at(-2) ?? place);
}

/**
 * One account of one program, `paper/simulated_paper`. Programs on paper have no account number, and follow the same
 * signals: their kind does not tell them apart, and results of several are never added up.
 */
export function accountIdOf({ account, place }: Reported): string {
  return `${account}/${programName(place)}`;
}
