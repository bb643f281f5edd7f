/** The numbers of a bar, as an inspection reads them. */
export interface InspectedBar {
  readonly time: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}
